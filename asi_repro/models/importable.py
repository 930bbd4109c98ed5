"""What a program may import: data that the static check and the loader share. No torch here.

Anything not named is refused. Being named does not make a module harmless (`torch.load` reads files): the
sandbox is what holds a program, this list is what makes most refusals early and readable.
"""

from __future__ import annotations

from collections.abc import Mapping

# None: every public name of the module. A set: only these names.
IMPORTABLE: Mapping[str, frozenset[str] | None] = {
    "__future__": None,
    "abc": None,
    "collections": None,
    "collections.abc": None,
    "contextlib": None,
    "copy": frozenset({"copy", "deepcopy"}),
    "dataclasses": None,
    "einops": None,
    "einops.layers.torch": None,
    "enum": None,
    "functools": None,
    "itertools": None,
    "math": None,
    "numbers": None,
    "operator": None,
    "torch": None,
    "torch.nn": None,
    "torch.nn.functional": None,
    "torch.nn.init": None,
    "torch.nn.parameter": None,
    "torch.nn.utils": None,
    "torch.nn.utils.parametrizations": None,
    "torch.nn.utils.rnn": None,
    "torch.fft": None,
    "torch.linalg": None,
    "torch.special": None,
    "torch.autograd": None,
    "torch.utils.checkpoint": None,
    "typing": None,
    "typing_extensions": None,
    "warnings": None,
    # The six kinds of fla names that released programs use; on a CPU `fla_cpu` answers for them.
    "fla.layers.utils": frozenset({"get_unpad_data", "index_first_axis", "pad_input"}),
    "fla.models.utils": frozenset({"Cache"}),
    "fla.modules": frozenset({"FusedRMSNormGated", "RMSNorm", "ShortConvolution"}),
    "fla.modules.convolution": frozenset({"ShortConvolution"}),
    "fla.modules.fused_norm_gate": frozenset({"FusedRMSNormGated"}),
    "fla.modules.l2norm": frozenset({"l2norm"}),
    "fla.modules.layernorm": frozenset({"RMSNorm"}),
    # Only the typing alias: importing transformers itself would cost seconds and nothing else is used.
    "transformers.processing_utils": frozenset({"Unpack"}),
}


def refusal(module: str, name: str | None = None) -> str | None:
    """Why `import module` or `from module import name` is refused, or None where it is allowed.

    A parent package of an allowed module may be imported by itself (`import torch.nn` binds `torch`).
    """
    if module not in IMPORTABLE:
        if name is None and any(known.startswith(module + ".") for known in IMPORTABLE):
            return None
        if name is not None and f"{module}.{name}" in IMPORTABLE:
            return None
        return f"a program may not import {module!r}"
    if name is None or name == "*":
        return None if name is None else f"a program may not import every name of {module!r}"
    names = IMPORTABLE[module]
    if names is not None and name not in names and f"{module}.{name}" not in IMPORTABLE:
        return f"a program may not import {name!r} from {module!r}"
    if name.startswith("_") and module != "__future__":
        return f"a program may not import the private name {name!r} from {module!r}"
    return None
