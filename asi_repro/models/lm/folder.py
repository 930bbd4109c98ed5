"""A model as a folder: config.json, safetensors weights, and program.py for a program."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.models.lm.config import PROGRAM, AsiArchConfig
from asi_repro.store.files import unwritable

PROGRAM_FILE = "program.py"
# Accepted and without effect: what callers such as lm-eval pass to every model.
_IGNORED = frozenset(
    {
        "revision",
        "use_safetensors",
        "low_cpu_mem_usage",
        "attn_implementation",
        "cache_dir",
        "token",
        "subfolder",
    }
    | {"local_files_only", "force_download", "variant", "quantization_config", "gguf_file", "adapter_kwargs"}
    | {"_from_auto", "_commit_hash", "weights_only", "name_or_path"}
)


def save_folder(config: AsiArchConfig, target: Any, save: Callable[[Path], None]) -> None:
    """Let `save` write beside the target, then move file by file, config.json last.

    Other files of the folder stay (a tokenizer may be there). A folder without config.json is not a model.

    Raises:
        AsiReproError: where the folder cannot be written.
    """
    folder = Path(target)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".saving.", dir=folder))
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        save(staging)
        if config.program_source is not None:
            text = config.program_source.encode("utf-8", "surrogatepass")
            (staging / PROGRAM_FILE).write_bytes(text)
        for file in sorted(staging.iterdir(), key=lambda file: file.name == "config.json"):
            file.replace(folder / file.name)
    except OSError as error:
        raise unwritable(folder, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load_folder(
    build: Callable[[AsiArchConfig], nn.Module],
    place: Any,
    *,
    config: AsiArchConfig | None = None,
    dtype: torch.dtype | str | None = None,
    torch_dtype: torch.dtype | str | None = None,
    device_map: Any = None,
    output_loading_info: bool = False,
    trust_remote_code: bool | None = None,
    **kwargs: Any,
) -> Any:
    """What `AsiArchForCausalLM.from_pretrained` does; `build` makes a model from a configuration."""
    if trust_remote_code:
        raise AsiReproError(
            "trust_remote_code is refused", hint="only the folder's program.py is ever executed"
        )
    folder = Path(place)
    if not (folder / "config.json").is_file():
        raise MissingInput(
            f"{folder} is not the folder of a model: it has no config.json",
            hint="models are loaded from local folders",
        )
    config = config or AsiArchConfig.from_pretrained(folder)
    for name in [name for name in kwargs if name not in _IGNORED]:
        if not hasattr(config, name):
            raise AsiReproError(f"from_pretrained does not accept the argument {name!r}", where=str(folder))
        setattr(config, name, kwargs[name])
    if config.mixer == PROGRAM and config.program_source is None:
        config.attach_program(_read_program(folder))
    weights = _read_weights(folder)
    model = build(config)
    missing, unexpected = model.load_state_dict(weights, strict=False)
    if missing or unexpected:
        raise AsiReproError(
            f"the weights do not belong to this model: {len(missing)} missing, {len(unexpected)} unexpected "
            f"(first: {[*missing, *unexpected][0]})",
            where=str(folder),
        )
    model.to(dtype=_dtype(dtype or torch_dtype, weights), device=_device(device_map))
    model.eval()
    info: dict[str, list[str]] = {
        "missing_keys": [],
        "unexpected_keys": [],
        "mismatched_keys": [],
        "error_msgs": [],
    }
    return (model, info) if output_loading_info else model


def _read_program(folder: Path) -> str:
    try:
        return (folder / PROGRAM_FILE).read_bytes().decode("utf-8", "surrogatepass")
    except FileNotFoundError:
        raise MissingInput(
            f"{folder} has no {PROGRAM_FILE}, which this model's mixers come from",
            hint="copy the whole folder that save_pretrained wrote",
        ) from None


def _read_weights(folder: Path) -> dict[str, torch.Tensor]:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        raise MissingInput(f"{folder} has no model.safetensors", hint="copy the whole folder")
    weights: dict[str, torch.Tensor] = {}
    for file in files:
        try:
            weights.update(load_file(file))
        except SafetensorError as error:
            raise DataError(
                f"the weights cannot be read: {error}", where=str(file), hint="copy the whole folder again"
            ) from error
    return weights


def _dtype(asked: torch.dtype | str | None, weights: dict[str, torch.Tensor]) -> torch.dtype:
    if isinstance(asked, torch.dtype):
        return asked
    if asked in (None, "auto"):
        return weights["embed_tokens.weight"].dtype
    found = getattr(torch, str(asked), None)
    if not isinstance(found, torch.dtype):
        raise AsiReproError(f"unsupported dtype {asked!r}", hint="use bfloat16, float32, float64 or auto")
    return found


def _device(device_map: Any) -> torch.device | None:
    if device_map is None:
        return None
    if device_map == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if isinstance(device_map, dict):
        if set(device_map) != {""}:
            raise AsiReproError("a model must be on a single device", hint='device_map={"": device}')
        device_map = device_map[""]
    return torch.device(device_map)
