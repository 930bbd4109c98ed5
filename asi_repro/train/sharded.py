"""FSDP: the parameters, gradients and optimizer state of one training divided over its processes (FSDP2).

Each block of the model is a unit, and what is left is one more. torch divides the model, and transformers'
Trainer takes it as one that is divided already: the same way on a CPU (gloo) as on CUDA (NCCL), which the way
through accelerate's settings is not.

What differs from one process: buffers that a program changes are each process's own, as its share of the
batch makes them, and no checkpoint is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers.trainer_utils import SaveStrategy

from asi_repro.errors import MissingInput
from asi_repro.models.lm import AsiArchForCausalLM
from asi_repro.train.loop import LmTrainer

_OWNS = "is_distributed_loading_by_transformers"


class ShardedTrainer(LmTrainer):
    """A Trainer whose model is divided over all processes as soon as it is on its device."""

    def __init__(self, **options: Any) -> None:
        options["args"].save_strategy = SaveStrategy.NO
        super().__init__(**options)
        if not hasattr(self, _OWNS):
            raise MissingInput(
                "FSDP needs a newer version of transformers, whose Trainer accepts a sharded model",
                hint="run `pip install 'transformers>=5.23'`, or set `train.parallel: ddp` in params.yaml",
            )
        model: Any = self.model
        shard(model, init_device_mesh(self.args.device.type, (self.args.world_size,)))
        setattr(self, _OWNS, True)
        model._is_fsdp_managed_module = True

    @contextmanager
    def _defer_fsdp_gradient_reduction(self) -> Iterator[None]:
        """Between the micro-batches of a step nothing is exchanged."""
        model: Any = self.model
        model.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            model.set_requires_gradient_sync(True)


def shard(model: AsiArchForCausalLM, mesh: DeviceMesh) -> None:
    """Divide a model over a mesh, in place.

    A parameter without dimensions cannot be divided: every process holds it, and the Trainer keeps the
    copies the same.
    """
    whole = {parameter for parameter in model.parameters() if parameter.ndim == 0}
    for module in [m for m in model.modules() if type(m).__name__ in model._no_split_modules]:
        fully_shard(module, mesh=mesh, ignored_params=whole)
    fully_shard(model, mesh=mesh, ignored_params=whole)


def save_whole_weights(model: nn.Module, path: Path) -> None:
    """The whole of a divided model's state as safetensors; every process has to call it."""
    state = {name: _whole(tensor).detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, path, metadata={"format": "pt"})


def _whole(tensor: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor

    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
