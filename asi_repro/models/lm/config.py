"""The configuration of a language model around a mixer.

The program's text is not part of config.json: it is the file `program.py` beside the weights, and config.json
holds its SHA-256, which is checked at loading. So the text that runs is the text that was saved,
and a person can read it as a file.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig

from asi_repro.errors import AsiReproError
from asi_repro.models.scales import GPT2_END_OF_TEXT, GPT2_VOCABULARY, Scale, find_scale
from asi_repro.store.files import sha256_bytes

PROGRAM = "program"


class AsiArchConfig(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Settings of an `AsiArchForCausalLM`; the defaults are the paper's 340M scale.

    Attributes:
        mixer: "program", or a baseline's name.
        program_sha256: of the program's UTF-8 text; None for a baseline.
        class_name: the program's main class, None to find it.
        dtype_policy: what happens to casts narrower than the weights ("map" or "as_written").
        mixer_arguments: further arguments of the mixer's constructor.
        auxiliary_loss_weight: factor on the sum of the mixers' scalar second outputs, added to the loss in
            train mode. 0 by default: the release does not say whether its training added them.
        program_source: the text itself; held in memory, never written to config.json.
    """

    model_type = "asi_arch"
    keys_to_ignore_at_inference = ("past_key_values", "auxiliary_loss", "language_loss")

    mixer: str = PROGRAM
    program_sha256: str | None = None
    class_name: str | None = None
    dtype_policy: str = "map"
    mixer_arguments: dict[str, Any] | None = None
    auxiliary_loss_weight: float = 0.0
    vocab_size: int = GPT2_VOCABULARY
    hidden_size: int = 1024
    intermediate_size: int = 2816
    num_hidden_layers: int = 24
    num_attention_heads: int = 8
    max_position_embeddings: int = 2048
    initializer_range: float = 0.02
    norm_eps: float = 1e-6
    use_cache: bool = True
    bos_token_id: int | None = GPT2_END_OF_TEXT
    eos_token_id: int | None = GPT2_END_OF_TEXT
    pad_token_id: int | None = None
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        self.program_source: str | None = kwargs.pop("program_source", None)
        super().__post_init__(**kwargs)  # type: ignore[no-untyped-call]
        if self.program_source is not None:
            self.attach_program(self.program_source)
        if self.tie_word_embeddings:
            raise AsiReproError("tied embeddings are not supported: the paper's models are untied")

    def attach_program(self, source: str) -> None:
        """Give the configuration its program's text.

        Raises:
            AsiReproError: where the text is not the one whose SHA-256 the configuration holds.
        """
        found = sha256_bytes(source.encode("utf-8", "surrogatepass"))
        if self.program_sha256 is not None and self.program_sha256 != found:
            raise AsiReproError(
                f"this is not the program of this model: SHA-256 {found}, expected {self.program_sha256}",
                hint="use the program.py that belongs to these weights",
            )
        self.program_sha256, self.program_source = found, source

    @classmethod
    def at_scale(cls, scale: str | Scale, **settings: Any) -> AsiArchConfig:
        """The configuration of a scale.

        Args:
            scale: a name of `SCALES`, or a `Scale`.
            **settings: further settings, such as `mixer`, `program_source` or `auxiliary_loss_weight`.

        Raises:
            NotFound: for an unknown scale.
        """
        size = find_scale(scale)
        return cls(
            vocab_size=size.vocab_size,
            hidden_size=size.hidden_size,
            intermediate_size=size.intermediate_size,
            num_hidden_layers=size.num_layers,
            num_attention_heads=size.num_heads,
            max_position_embeddings=size.context,
            initializer_range=size.initializer_range,
            bos_token_id=size.end_of_text,
            eos_token_id=size.end_of_text,
            **settings,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything that config.json holds; not the program's text."""
        return {key: value for key, value in super().to_dict().items() if key != "program_source"}
