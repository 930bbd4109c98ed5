"""The loop that nearly every program inverts matrices with, as one operation with the same bits.

104 of the 106 released programs find (I - A)⁻¹ of a strictly lower triangular A row by row:

    for i in range(1, size):
        a[..., i, :i] += (a[..., i, :, None].clone() * a[..., :, :i].clone()).sum(-2)

or with `a[..., i, :i] = a[..., i, :i] + …`, in a function that they let `torch.compile` compile, which a CPU
does not. Each pass leaves a dozen nodes in the graph, and most of their gradients are zeros around one
row. `with_rows` puts `finish_rows` in the loop's place: the same products, added up in the same
order, without the graph and the zeros.
"""

from __future__ import annotations

import ast
from typing import Any

import torch
from torch import Tensor

NAME = "__finish_rows__"
_SUM = "(a[..., i, :, None].clone() * a[..., :, :i].clone()).sum(-2)"
_FORMS = ("a[..., i, :i] += ", "a[..., i, :i] = a[..., i, :i] + ")
_LOOPS = tuple(f"for i in range(1, size):\n    {form}{_SUM}" for form in _FORMS)
# torch adds up rows in groups of so many: zero rows up to a multiple leave the sum's bits alone.
_GROUP = 4


def finish_rows(a: Tensor, size: int) -> Tensor:
    """What the loop makes of `a` (..., size, size): (I - A)⁻¹ - I.

    Anything but strictly lower triangular float32 or float64 on a CPU goes through the loop as it is written,
    which changes `a` in place.
    """
    if _plain(a, size):
        return _FinishRows.apply(a)  # type: ignore[no-any-return,no-untyped-call]
    for i in range(1, size):
        a[..., i, :i] += (a[..., i, :, None].clone() * a[..., :, :i].clone()).sum(-2)
    return a


def with_rows(tree: ast.Module) -> ast.Module:
    """A program with `finish_rows`, under the name `NAME`, for each such loop over a tensor just made."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            for place in range(1, len(body)):
                body[place] = _call(body[place - 1], body[place]) or body[place]
    return tree


def _plain(a: Tensor, size: int) -> bool:
    return (
        a.device.type == "cpu"
        and a.dtype in (torch.float32, torch.float64)
        and a.ndim >= 2
        and a.shape[-2:] == (size, size)
        and not bool(a.detach().triu().any())
    )


class _FinishRows(torch.autograd.Function):
    """Each row from those above it; backwards each row's gradient on to those above it."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        size = a.shape[-1]
        done = a.clone(memory_format=torch.contiguous_format)
        rows = done.view(-1, size, size)
        for i in range(1, size):
            above = min(-(-i // _GROUP) * _GROUP, size)
            rows[:, i, :i] += (rows[:, i, :above, None] * rows[:, :above, :i]).sum(-2)
        ctx.save_for_backward(a, done)
        return done.clone()  # the program may go on to change it in place

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        a, done = ctx.saved_tensors
        size = a.shape[-1]
        before, after = a.reshape(-1, size, size), done.view(-1, size, size)
        total = gradient.clone(memory_format=torch.contiguous_format)
        rows = total.view(-1, size, size)
        for i in range(size - 1, 0, -1):
            given = rows[:, i, :i].clone()[:, None]
            rows[:, :i, :i] += given * before[:, i, :i, None]
            rows[:, i, :i] += (given * after[:, :i, :i]).sum(-1)
        return total


def _call(before: ast.stmt, loop: ast.stmt) -> ast.stmt | None:
    """`a = finish_rows(a, size)` for the loop, where `before` has just made `a`; None for anything else."""
    if not (isinstance(loop, ast.For) and isinstance(before, ast.Assign) and _is_new(before.value)):
        return None
    match loop, before.targets:
        case (
            ast.For(target=ast.Name(index), iter=ast.Call(args=[_, ast.Name(size)])),
            [ast.Name(matrix)],
        ) if ast.unparse(loop) in (_named(text, index, size, matrix) for text in _LOOPS):
            made = ast.parse(f"{matrix} = {NAME}({matrix}, {size})").body[0]
            for node in ast.walk(made):
                ast.copy_location(node, loop)  # an error names the program's line
            return made
    return None


def _is_new(value: ast.expr) -> bool:
    """Whether an expression gives a tensor that nothing else refers to: -x, or x.masked_fill(…)."""
    match value:
        case ast.UnaryOp(op=ast.USub()) | ast.Call(func=ast.Attribute(attr="masked_fill")):
            return True
    return False


def _named(text: str, index: str, size: str, matrix: str) -> str:
    """A loop of `_LOOPS` with a program's names."""
    names = {"i": index, "size": size, "a": matrix}
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
    return ast.unparse(tree)
