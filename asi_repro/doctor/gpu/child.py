"""One part in a process of its own: python -m asi_repro.doctor.gpu.child PART SETTING.json ROWS."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from asi_repro.doctor.gpu.messages import RowWriter, Setting
from asi_repro.executor.children import end_with_parent


def main(part: str, setting: str, rows: str) -> None:
    """Run the part; its rows go to a file line by line."""
    end_with_parent()
    import torch

    from asi_repro.doctor.gpu import kernels, trainings

    functions: dict[str, Callable[[Setting, RowWriter], None]] = {
        "modules": kernels.modules,
        "baselines": kernels.baselines,
        "programs": kernels.programs,
        "train bare": trainings.bare,
        "train sandboxed": trainings.sandboxed,
        "evaluate": trainings.evaluation,
        "speed": trainings.speed,
    }
    # What is compared is kernels, not TensorFloat-32's ten bits.
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    settings = Setting(**json.loads(Path(setting).read_text(encoding="utf-8")))
    functions[part](settings, RowWriter(part, Path(rows)))


if __name__ == "__main__":
    main(*sys.argv[1:])
