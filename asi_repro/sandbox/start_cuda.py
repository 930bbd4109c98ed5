"""Importing this starts CUDA in a worker, before its system calls are locked.

libcuda's start binds a socket of its own and makes threads, events and pipes, and fails without the socket.
torch's first product and first backward pass make cuBLAS's workspace and the thread that differentiates.
"""

from __future__ import annotations

import torch

if not torch.cuda.is_available():
    raise RuntimeError(
        "torch finds no CUDA device inside the sandbox; `asi-repro doctor --gpu` tries it outside, too"
    )
for _dtype in (torch.float32, torch.bfloat16):
    _x = torch.ones(16, 16, device="cuda", dtype=_dtype, requires_grad=True)
    (_x @ _x).sum().backward()  # type: ignore[no-untyped-call]
torch.cuda.synchronize()
