"""The (gated) delta rule in plain torch: chunk by chunk, with a triangular solve inside a chunk.

Sources: Yang et al., Parallelizing linear transformers with the delta rule over sequence length
(arXiv 2406.06484), and Gated delta networks (arXiv 2412.06464).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

CHUNK = 64


def gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    beta: Tensor,
    log_decay: Tensor | None = None,
    *,
    state: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """S_t = a_t S_(t-1) + b_t k_t (v_t - a_t S_(t-1)' k_t)'; o_t = S_t' q_t / sqrt(key width).

    Computed in at least float32, whatever the inputs are.

    Args:
        q: (batch, heads, length, key width).
        k: the shape of q; of unit length for a stable state.
        v: (batch, heads, length, value width).
        beta: (batch, heads, length), b_t.
        log_decay: (batch, heads, length), log a_t, at most 0; None for no decay (the plain delta rule).
        state: S_0, (batch, heads, key width, value width); None for zero.

    Returns:
        The outputs, shaped and typed like v, and the last state in the compute dtype.
    """
    dtype, length = v.dtype, q.shape[2]
    wide = torch.promote_types(dtype, torch.float32)
    decay = torch.zeros_like(beta) if log_decay is None else log_decay
    q, k, v, beta, decay = (_chunked(t.to(wide)) for t in (q * q.shape[-1] ** -0.5, k, v, beta, decay))
    if state is None:
        state = q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
    total = decay.cumsum(-1)
    position = torch.arange(CHUNK, device=q.device)
    before = position[:, None] >= position
    # exp only where i >= j: elsewhere the difference is positive and could overflow.
    between = (total[..., :, None] - total[..., None, :]).masked_fill(~before, -torch.inf).exp()
    within = (q @ k.transpose(-1, -2)) * between
    mixing = beta[..., None] * (k @ k.transpose(-1, -2)) * between
    # The diagonal is taken as 1 by the solver; what is there is not read.
    right = torch.cat([v, k * total.exp()[..., None]], dim=-1) * beta[..., None]
    solved = torch.linalg.solve_triangular(mixing, right, upper=False, unitriangular=True)
    new_values, from_state = solved.split([v.shape[-1], k.shape[-1]], dim=-1)
    outputs = []
    for n in range(q.shape[2]):
        u = new_values[:, :, n] - from_state[:, :, n] @ state
        grown = total[:, :, n].exp()[..., None]
        outputs.append(q[:, :, n] * grown @ state + within[:, :, n] @ u)
        last = total[:, :, n, -1:]
        rest = (last - total[:, :, n]).exp()[..., None]
        state = last.exp()[..., None] * state + (k[:, :, n] * rest).transpose(-1, -2) @ u
    return torch.stack(outputs, dim=2).flatten(2, 3)[:, :, :length].to(dtype), state


def _chunked(t: Tensor) -> Tensor:
    """(batch, heads, length, ...) as (batch, heads, chunks, CHUNK, ...), zeros at the end."""
    missing = -t.shape[2] % CHUNK
    padded = F.pad(t, (*(0,) * (2 * (t.ndim - 3)), 0, missing))
    return padded.reshape(*t.shape[:2], -1, CHUNK, *t.shape[3:])
