"""The row-by-row inverse as one operation: the same bits as the loop, and only in place of that very loop."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from asi_repro.models.lm import build_lm  # noqa: E402
from asi_repro.models.program import load_program  # noqa: E402
from asi_repro.models.row_inverse import NAME, finish_rows, with_rows  # noqa: E402
from asi_repro.models.scales import Scale  # noqa: E402

SUM = "(m[..., row, :, None].clone() * m[..., :, :row].clone()).sum(-2)"
ADDS = f"m[..., row, :row] += {SUM}"
SETS = f"m[..., row, :row] = m[..., row, :row] + {SUM}"
TINY = Scale(
    "tiny", num_layers=1, hidden_size=32, num_heads=2, intermediate_size=32, vocab_size=64, context=48
)


def source(statement: str, before: str = "m = -(x @ y).masked_fill(hidden, 0)") -> str:
    """A function with the loop."""
    return f"""
def inverse(x, y, hidden, n):
    {before}
    for row in range(1, n):
        {statement}
    m += torch.eye(n, dtype=m.dtype)
    return m
"""


def functions(text: str) -> tuple[Callable[..., torch.Tensor], Callable[..., torch.Tensor]]:
    """The function as it is written, and rewritten."""
    tree = with_rows(ast.parse(text))
    assert NAME in ast.unparse(tree)
    written: dict[str, object] = {"torch": torch}
    rewritten: dict[str, object] = {"torch": torch, NAME: finish_rows}
    exec(compile(text, "written", "exec"), written)
    exec(compile(tree, "rewritten", "exec"), rewritten)
    return written["inverse"], rewritten["inverse"]  # type: ignore[return-value]


def passes(function: Callable[..., torch.Tensor], size: int, dtype: torch.dtype, *, diagonal: int = 0):
    """The result and both inputs' gradients."""
    seed = torch.Generator().manual_seed(size)
    x = (torch.randn(2, 3, 2, size, 8, generator=seed) / 4).to(dtype).requires_grad_()
    y = (torch.randn(2, 3, 2, 8, size, generator=seed) / 4).to(dtype).requires_grad_()
    hidden = torch.ones(size, size, dtype=torch.bool).triu(diagonal)
    out = function(x, y, hidden, size)
    (out * torch.randn(out.shape, generator=seed)).sum().backward()
    return out.detach(), x.grad, y.grad


@pytest.mark.parametrize("statement", [ADDS, SETS])
@pytest.mark.parametrize("size", [1, 2, 5, 16, 30, 32, 64])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_same_bits_forward_and_backward(statement: str, size: int, dtype: torch.dtype) -> None:
    written, rewritten = functions(source(statement))
    for one, other in zip(passes(written, size, dtype), passes(rewritten, size, dtype), strict=True):
        assert torch.equal(one, other)


def test_what_is_not_strictly_lower_triangular_goes_through_the_loop() -> None:
    written, rewritten = functions(source(ADDS))
    for one, other in zip(
        passes(written, 8, torch.float32, diagonal=2),
        passes(rewritten, 8, torch.float32, diagonal=2),
        strict=True,
    ):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    "text",
    [
        source(ADDS, before="m = x"),  # another name for the same tensor, which the loop changes in place
        source(ADDS, before="m = x.view(n, n)"),
        source(ADDS.replace(".sum(-2)", ".sum(-1)")),
        source(ADDS.replace(":row]", ": row + 1]")),
        source(ADDS).replace("range(1, n)", "range(2, n)"),
        source(ADDS).replace("range(1, n)", "reversed(1, n)"),
        source(ADDS) + "    # no\n" + source(ADDS.replace("m[", "x[", 1)).replace("inverse", "other"),
    ],
)
def test_no_other_loop_is_replaced(text: str) -> None:
    expected = text.count("other")
    assert ast.unparse(with_rows(ast.parse(text))).count(NAME) == expected


def test_an_error_in_the_operation_names_the_line_of_the_loop() -> None:
    tree = with_rows(ast.parse(source(ADDS)))
    [call] = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == NAME]
    assert source(ADDS).splitlines()[call.lineno - 1].strip() == "for row in range(1, n):"


def test_released_programs_keep_every_bit_and_lose_the_loop(release_dir: Path) -> None:
    entries = json.loads((release_dir / "data" / "106.json").read_text(encoding="utf-8"))
    texts = [entry["program"] for entry in entries]
    rewritten = [NAME in ast.unparse(with_rows(ast.parse(text))) for text in texts]
    assert (len(texts), sum(rewritten)) == (106, 104)
    for text in texts[::35]:
        found = []
        for rewrite in (False, True):
            model = build_lm(load_program(text, backend="cpu", rewrite=rewrite), TINY, seed=1)
            tokens = torch.arange(2 * 48).reshape(2, 48) * 7 % 64
            torch.manual_seed(0)
            loss = model(input_ids=tokens, labels=tokens).loss
            loss.backward()
            found.append([loss.detach(), *(p.grad for p in model.parameters() if p.grad is not None)])
        assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))
