#!/usr/bin/env python3
"""Show on released programs what the newer rows of a certificate say, with none of the checks' code.

    python scripts/show_verdicts.py INDEX...                  all measurements of some programs
    python scripts/show_verdicts.py --only NAME all            one measurement of every program of the archive

Each line is one measurement made here from the program alone. Differences are relative to the largest
output, in fp64, at width 64 with 2 heads and parameters a little off their initial values. Programs run in
this process: use it for the release alone, whose programs have run in the sandbox before.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn

from asi_repro.archive.reader import Archive
from asi_repro.models.program import LoadedProgram, load_program
from asi_repro.project import find_project

WIDTH, HEADS = 64, 2


def built(program: LoadedProgram, dtype: torch.dtype = torch.float64) -> nn.Module:
    """A new module of the program, its parameters a little off their initial values, the same every time."""
    module = program.build(WIDTH, HEADS, seed=1, dtype=torch.float64)
    generator = torch.Generator().manual_seed(9)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return module.to(dtype)


def output(module: nn.Module, x: Tensor, **more: object) -> Tensor:
    """The output for x (B, L, D), the generators seeded."""
    torch.manual_seed(0)
    return module(x, **more)[0]


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference over the largest value."""
    return float((a - b).detach().abs().max() / b.detach().abs().max())


def packed_samples(program: LoadedProgram, x: Tensor) -> float:
    """Two samples in one sequence with cu_seqlens, and each alone."""
    ends = [0, 37, 90]
    module = built(program).eval()
    with torch.no_grad():
        packed = output(module, x[:, :90], cu_seqlens=torch.tensor(ends, dtype=torch.int32))
        alone = [output(built(program).eval(), x[:, a:b]) for a, b in pairwise(ends)]
    return apart(packed, torch.cat(alone, dim=1))


def checkpoint(program: LoadedProgram, x: Tensor) -> float:
    """A module that has trained for 200 steps of nothing but forwards, and one that loads its state_dict."""
    used = built(program).train()
    for _ in range(200):
        output(used, x[:, :8])
    loaded = built(program)
    loaded.load_state_dict(copy.deepcopy(used.state_dict()))
    with torch.no_grad():
        return max(
            apart(output(loaded.train(mode), x), output(used.train(mode), x)) for mode in (True, False)
        )


def bf16_positions(program: LoadedProgram, x: Tensor) -> float:
    """bf16 against fp64 at the end of 2,048 tokens, over the same at the start."""
    narrow, wide = built(program, torch.bfloat16).eval(), built(program).eval()
    wide.load_state_dict(narrow.state_dict(), strict=False)
    x = torch.randn(1, 2048, WIDTH, generator=torch.Generator().manual_seed(3)).bfloat16()
    with torch.no_grad():
        error = (output(narrow, x).double() - output(wide, x.double())).norm(dim=-1)[0]
        size = output(wide, x.double()).norm(dim=-1)[0]
    return float((error[-64:] / size[-64:]).mean() / (error[:64] / size[:64]).mean())


def long_then_short(program: LoadedProgram, x: Tensor) -> float:
    """One module in eval mode on x, on 2,100 other tokens, and on x again."""
    module = built(program).eval()
    with torch.no_grad():
        before = output(module, x)
        output(module, torch.randn(1, 2100, WIDTH, dtype=x.dtype))
        return apart(output(module, x), before)


def mask_alone(program: LoadedProgram, x: Tensor) -> float:
    """The second of two sequences under a mask, in the batch and alone."""
    pair, mask = torch.cat([x, x.flip(1)]), torch.ones(2, x.shape[1], dtype=torch.long)
    mask[0, :30] = 0
    mask[1, :50] = 0
    with torch.no_grad():
        together = output(built(program).eval(), pair, attention_mask=mask)[1:, 50:]
        alone = output(built(program).eval(), pair[1:], attention_mask=mask[1:])[:, 50:]
    return apart(together, alone)


def quadratic_in_training(program: LoadedProgram, x: Tensor) -> float:
    """Seconds of 4,096 tokens over those of 1,024 in training mode: 4 where linear, 16 where quadratic."""
    module, seconds = built(program, torch.float32).train(), []
    for length in (1024, 1024, 4096):
        began = time.process_time()
        with torch.no_grad():
            output(module, torch.zeros(1, length, WIDTH))
        seconds.append(time.process_time() - began)
    return seconds[2] / seconds[1]


def cut_off(program: LoadedProgram, x: Tensor) -> float:
    """The first 1,024 of 2,049 outputs, and those of the first 1,024 tokens alone."""
    x = torch.randn(1, 2049, WIDTH, dtype=x.dtype, generator=torch.Generator().manual_seed(4))
    with torch.no_grad():
        whole = output(built(program).eval(), x)[:, :1024]
        return apart(output(built(program).eval(), x[:, :1024]), whole)


def numbers_changed(program: LoadedProgram, x: Tensor) -> float:
    """Plain numbers, buffers and parameters of the module that a second forward in eval mode changes."""
    module = built(program).eval()
    with torch.no_grad():
        output(module, x)
        before = held(module)
        output(module, x.flip(1))
    return float(sum(value != before.get(name) for name, value in held(module).items()))


def held(module: nn.Module) -> dict[str, object]:
    """Numbers and registered tensors of the module and its parts, by name."""
    found: dict[str, object] = {
        name: value.tolist() for name, value in module.state_dict(keep_vars=True).items()
    }
    found |= {name: value.tolist() for name, value in module.named_buffers()}
    for prefix, part in module.named_modules():
        for name, value in vars(part).items():
            if isinstance(value, int | float) and not name.startswith("_") and name != "training":
                found[f"{prefix}.{name}"] = value
    return found


MEASURES: tuple[Callable[[LoadedProgram, Tensor], float], ...] = (
    packed_samples, checkpoint, bf16_positions, long_then_short, mask_alone, quadratic_in_training, cut_off,
    numbers_changed,
)  # fmt: skip


def lines(names: list[str], only: str | None) -> Iterator[str]:
    """A line a program and measure."""
    archive = Archive(find_project().archive)
    indices = [one.index for one in archive.programs()] if names == ["all"] else [int(name) for name in names]
    x = torch.randn(1, 96, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    for index in indices:
        program = load_program(archive.program(index).source, backend="cpu")
        for measure in (one for one in MEASURES if only in (None, one.__name__)):
            try:
                found = f"{measure(program, x):.3g}"
            except Exception as error:  # the program's own, which is the finding
                found = f"{type(error).__name__}: {error}"[:80]
            yield f"{index:>5} {measure.__name__:<22} {found}"


if __name__ == "__main__":
    arguments = sys.argv[1:]
    wanted = arguments[1] if arguments[:1] == ["--only"] else None
    for line in lines(arguments[2:] if wanted else arguments, wanted):
        print(line, flush=True)
