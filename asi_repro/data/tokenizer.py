"""The tokenizers: GPT-2's (the paper's, 50,257 tokens), and one that takes bytes as they are (256 tokens).

GPT-2's comes from a hub or from an installed package. Either way the same vocabulary and merges must come
out: a fingerprint over both is compared with the one this project pins, so that a token number means the
same thing in every corpus and model. The tokens of the byte tokenizer are the bytes of UTF-8, but for byte 0,
which no text has: it is the end of a text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from asi_repro.data.packages import GPT2_BPE
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.store.files import atomic_write, sha256_bytes

if TYPE_CHECKING:
    import tokenizers
    from transformers import PreTrainedTokenizerFast

Origin = Literal["package", "hub", "built in"]
GPT2, BYTES = "gpt2", "bytes"
BYTE_VALUES, BYTES_REVISION = 256, "bytes 1"

VOCABULARY_SIZE = 50257
END_OF_TEXT = "<|endoftext|>"
END_OF_TEXT_ID = 50256
HUB_NAME = "openai-community/gpt2"
HUB_REVISION = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
FINGERPRINT = "98de00669996e48e8db9590e7c13d37461bb11178e80fa2abcafb3e49f542baf"
_KNOWN_TEXT, _KNOWN_IDS = "Hello world", [15496, 995]


@dataclass(frozen=True)
class Tokenizer:
    """The tokenizer and where it came from.

    Attributes:
        hf: as transformers and lm-eval want it; its padding token is the end of text.
        origin: "package", "hub" or "built in".
        revision: the package and its version, or the hub's repository and commit.
        fingerprint: SHA-256 over vocabulary and merges.
        name: "gpt2" or "bytes".
        vocabulary_size: its tokens.
        end_of_text: the token that ends a text.
    """

    hf: PreTrainedTokenizerFast
    origin: Origin
    revision: str
    fingerprint: str
    name: str = GPT2
    vocabulary_size: int = VOCABULARY_SIZE
    end_of_text: int = END_OF_TEXT_ID

    def plain(self) -> tokenizers.Tokenizer:
        """A copy that reads the end-of-text mark inside a text as the letters it is made of."""
        import tokenizers

        copy = tokenizers.Tokenizer.from_str(self.hf.backend_tokenizer.to_str())
        copy.encode_special_tokens = True
        return copy

    def record(self) -> dict[str, Any]:
        """What to write beside a result."""
        return {
            "name": self.name,
            "origin": self.origin,
            "revision": self.revision,
            "vocabulary_size": self.vocabulary_size,
            "fingerprint": self.fingerprint,
        }


def find_tokenizer(name: str) -> Tokenizer:
    """A tokenizer by name.

    Raises:
        NotFound: for another name than "gpt2" and "bytes".
        MissingInput, DataError: as `load_tokenizer`.
    """
    if name == BYTES:
        return byte_tokenizer()
    if name != GPT2:
        raise NotFound(f"there is no tokenizer {name!r}", hint=f"use {GPT2} or {BYTES}")
    return load_tokenizer()


def byte_tokenizer() -> Tokenizer:
    """The tokenizer whose tokens are bytes; byte 0, which ends a text, is left out where a text has it."""
    from tokenizers import Tokenizer as Fast
    from tokenizers import decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {END_OF_TEXT: 0, **{letter: byte for byte, letter in _byte_letters().items() if byte}}
    fast = Fast(models.BPE(vocab=vocabulary, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    fast.decoder = decoders.ByteLevel()
    hf = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=fast, bos_token=END_OF_TEXT, eos_token=END_OF_TEXT, pad_token=END_OF_TEXT
    )
    if hf.eos_token_id != 0 or hf("é!").input_ids != list("é!".encode()):
        raise DataError(
            "this version of tokenizers builds a different byte tokenizer",
            hint="install the version in constraints.txt",
        )
    return Tokenizer(hf, "built in", BYTES_REVISION, _fingerprint(vocabulary, []), BYTES, BYTE_VALUES, 0)


def _byte_letters() -> dict[int, str]:
    """The letter that GPT-2's byte level writes for each byte: printable ones are themselves."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(plain)]
    return {byte: chr(byte) for byte in plain} | {byte: chr(256 + n) for n, byte in enumerate(others)}


def load_tokenizer(origin: Origin | None = None) -> Tokenizer:
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


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Write vocabulary and merges into `folder`/tokenizer.json, beside the text that they cut."""
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
) -> Tokenizer:
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
    return Tokenizer(hf, origin, revision, fingerprint)


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
