"""The meter against torch's own counter, and against what is known by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from asi_repro.verify.checks.cost import exponent, quadratic_share
from asi_repro.verify.operation_counts import measure


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 17))
def test_flops_are_those_of_torchs_counter(batch: int, length: int, width: int) -> None:
    x = torch.randn(batch, length, width)
    w, kernel = torch.randn(width, 2 * width), torch.randn(width, 1, 3)

    def work() -> torch.Tensor:
        y = (x @ w) @ w.T
        return F.conv1d(F.pad(y.transpose(1, 2), (2, 0)), kernel, groups=width).cumsum(-1)

    with FlopCounterMode(display=False) as counter:
        work()
    assert measure(work).flops == counter.get_total_flops() > 0


def test_what_torchs_counter_leaves_out_is_in_the_elements() -> None:
    x = torch.randn(1000)
    for work in (lambda: x.cumsum(0), lambda: x * x, lambda: torch.fft.rfft(x), lambda: x.sort()):
        meter = measure(work)
        assert meter.flops == 0
        assert meter.elements >= 1000


def test_a_reduction_over_an_expanded_view_counts_what_it_reads() -> None:
    x = torch.randn(300)
    assert measure(lambda: x.expand(300, 300).sum(0)).elements == 90_000


def test_picking_and_putting_count_what_they_move() -> None:
    x, at, new = torch.randn(10_000), torch.tensor([1, 2, 3]), torch.ones(3)
    assert measure(lambda: x[at]).elements == 3
    assert measure(lambda: x.index_put_((at,), new)).elements == 3


def test_a_tensor_made_in_the_shape_or_dtype_of_another_does_not_read_it() -> None:
    x = torch.randn(10_000)
    assert measure(lambda: x.new_ones(3)).elements == 3
    assert measure(lambda: torch.ones_like(x)).elements == 10_000


def test_views_are_free() -> None:
    x = torch.randn(10, 10)
    meter = measure(lambda: x.view(100)[5:].unsqueeze(0).expand(4, -1).transpose(0, 1))
    assert (meter.elements, meter.operations, meter.peak_bytes) == (0, 0, 0)


def test_peak_is_of_what_is_alive_at_one_time() -> None:
    x = torch.zeros(1000)

    def one_after_the_other() -> None:
        for _ in range(5):
            x + 1  # freed at once

    def together() -> None:
        kept = [x + 1 for _ in range(5)]
        assert len(kept) == 5

    assert measure(one_after_the_other).peak_bytes == 4000
    assert measure(together).peak_bytes == 20_000


def test_inputs_and_what_is_written_in_place_are_not_counted() -> None:
    x = torch.zeros(1000)
    meter = measure(lambda: x.add_(1), ignore=(x,))
    assert meter.peak_bytes == 0
    assert meter.elements == 1000


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 10**6), st.integers(0, 1000))
def test_the_quadratic_share_is_found(a: int, b: int, c: int) -> None:
    measured = {n: a + b * n + c * n * n for n in (512, 2048, 8192)}
    assert quadratic_share(measured) == pytest.approx(c * 8192**2 / measured[8192], abs=1e-9)


@given(st.sampled_from([1, 2, 3]))
def test_the_exponent_of_a_power_is_the_power(power: int) -> None:
    assert exponent({n: n**power for n in (128, 512, 2048)}) == pytest.approx(power)
