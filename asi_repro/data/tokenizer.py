"""The GPT-2 tokenizer (the paper's, 50,257 tokens), from a hub or from an installed package.

Either way the same vocabulary and merges must come out: a fingerprint over both is compared with the one
this project pins, so that a token number means the same thing in every corpus and model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from asi_repro.data.packages import GPT2_BPE
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import atomic_write, sha256_bytes

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

Origin = Literal["package", "hub"]

VOCABULARY_SIZE = 50257
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256
HUB_NAME = "openai-community/gpt2"
HUB_REVISION = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
FINGERPRINT = "98de00669996e48e8db9590e7c13d37461bb11178e80fa2abcafb3e49f542baf"
_KNOWN_TEXT, _KNOWN_IDS = "Hello world", [15496, 995]


@dataclass(frozen=True)
class Gpt2Tokenizer:
    """The tokenizer and where it came from.

    Attributes:
        hf: as transformers and lm-eval want it; its padding token is the end of text.
        origin: "package" or "hub".
        revision: the package and its version, or the hub's repository and commit.
        fingerprint: SHA-256 over vocabulary and merges.
    """

    hf: PreTrainedTokenizerFast
    origin: Origin
    revision: str
    fingerprint: str

    def plain(self) -> tokenizers.Tokenizer:
        """A copy that reads the end-of-text mark inside a text as the letters it is made of."""
        import tokenizers

        copy = tokenizers.Tokenizer.from_str(self.hf.backend_tokenizer.to_str())
        copy.encode_special_tokens = True
        return copy

    def record(self) -> dict[str, Any]:
        """What to write beside a result."""
        return {
            "name": "gpt2",
            "origin": self.origin,
            "revision": self.revision,
            "vocabulary_size": VOCABULARY_SIZE,
            "fingerprint": self.fingerprint,
        }


def load_tokenizer(origin: Origin | None = None) -> Gpt2Tokenizer:
    """The GPT-2 tokenizer.

    Args:
        origin: where to take it from; None takes the installed package, else the hub. Both give the same
            vocabulary (checked), and the package needs no network.

    Raises:
        MissingInput: where the package is not installed, or the hub cannot be reached.
        DataError: where it is not the GPT-2 vocabulary.
    """
    if origin is None:
        origin = "package" if GPT2_BPE.installed() else "hub"
    vocabulary, merges, revision = _from_package() if origin == "package" else _from_hub()
    return _make(vocabulary, merges, origin, revision)


def load_saved_tokenizer(folder: Path) -> Gpt2Tokenizer:
    """The tokenizer that `save_tokenizer` put in `folder`.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is damaged or another vocabulary.
    """
    path = folder / "tokenizer.json"
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return _make(
            saved["vocabulary"],
            [tuple(pair) for pair in saved["merges"]],
            saved["origin"],
            saved["revision"],
        )
    except OSError as error:
        raise MissingInput(
            f"there is no tokenizer: {error.strerror}", where=str(path), hint="run `asi-repro corpus`"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            "the folder does not contain a saved tokenizer",
            where=str(path),
            hint="run `asi-repro corpus` again",
        ) from error


def save_tokenizer(tokenizer: Gpt2Tokenizer, folder: Path) -> None:
    """Write the tokenizer into `folder`/tokenizer.json, for machines and sandboxes without its package."""
    vocabulary, merges = _parts(tokenizer.hf)
    saved = {
        "origin": tokenizer.origin,
        "revision": tokenizer.revision,
        "vocabulary": vocabulary,
        "merges": merges,
    }
    atomic_write(folder / "tokenizer.json", json.dumps(saved, sort_keys=True, ensure_ascii=False))


def _make(
    vocabulary: dict[str, int], merges: list[tuple[str, str]], origin: Origin, revision: str
) -> Gpt2Tokenizer:
    from transformers import GPT2Tokenizer

    fingerprint = _fingerprint(vocabulary, merges)
    if fingerprint != FINGERPRINT:
        raise DataError(
            f"{revision} is not the GPT-2 vocabulary: fingerprint {fingerprint[:12]}, not {FINGERPRINT[:12]}",
            hint=f"install it from the package: {GPT2_BPE.command}",
        )
    hf = GPT2Tokenizer(vocab=vocabulary, merges=cast(Any, merges))
    hf.pad_token = END_OF_TEXT
    ids = hf(_KNOWN_TEXT).input_ids
    if ids != _KNOWN_IDS or hf.eos_token_id != END_OF_TEXT_ID:
        raise DataError(
            f"this version of transformers builds a different tokenizer: {_KNOWN_TEXT!r} is {ids[:5]}, "
            f"not {_KNOWN_IDS}",
            hint="install the version in constraints.txt",
        )
    return Gpt2Tokenizer(hf, origin, revision, fingerprint)


def _from_package() -> tuple[dict[str, int], list[tuple[str, str]], str]:
    vocabulary = GPT2_BPE.file("data", "encoder.json")
    merges = GPT2_BPE.file("data", "vocab.bpe")
    revision = f"{GPT2_BPE.distribution} {GPT2_BPE.installed_version()}"
    try:
        pairs = [line.split(" ") for line in merges.read_text(encoding="utf-8").split("\n")[1:] if line]
        return json.loads(vocabulary.read_text(encoding="utf-8")), [(a, b) for a, b in pairs], revision
    except ValueError as error:
        raise DataError(
            "the GPT-2 vocabulary is damaged",
            where=str(vocabulary.parent),
            hint=f"{GPT2_BPE.command} --force-reinstall",
        ) from error


def _from_hub() -> tuple[dict[str, int], list[tuple[str, str]], str]:
    from transformers import AutoTokenizer

    try:
        hf = AutoTokenizer.from_pretrained(HUB_NAME, revision=HUB_REVISION, use_fast=True)
    except OSError as error:
        raise MissingInput(
            f"cannot download the tokenizer {HUB_NAME}: {str(error).splitlines()[0]}",
            hint=f"without network access, install it from a package: {GPT2_BPE.command}",
        ) from error
    vocabulary, merges = _parts(hf)
    return vocabulary, merges, f"{HUB_NAME} {HUB_REVISION}"


def _parts(hf: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    model = json.loads(hf.backend_tokenizer.to_str())["model"]
    pairs = [pair.split(" ") if isinstance(pair, str) else pair for pair in model["merges"]]
    return model["vocab"], [(a, b) for a, b in pairs]


def _fingerprint(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> str:
    return sha256_bytes(json.dumps([sorted(vocabulary.items()), merges]).encode())
