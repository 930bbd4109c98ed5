"""The sizes that language models are built in. No torch here.

The `340m` scale is the paper's (section 4.1 and appendix A.2). It is also what the release's stated parameter
counts mean: with it 102 of the 106 recomputed counts equal the stated ones to the last printed digit.
"""

from __future__ import annotations

from dataclasses import dataclass

from asi_repro.errors import NotFound

GPT2_VOCABULARY = 50257
GPT2_END_OF_TEXT = 50256


@dataclass(frozen=True)
class Scale:
    """The frame around a token mixer.

    Attributes:
        name: what the command line calls it.
        num_layers: blocks.
        hidden_size: width of the residual stream.
        num_heads: heads of each mixer.
        intermediate_size: width of SwiGLU's two input projections.
        vocab_size: rows of the embedding and of the untied output projection.
        context: tokens of a training sequence.
        tokenizer: of its text: "gpt2" or "bytes".
        initializer_range: standard deviation of the frame's initial weights; mixers choose their own.
    """

    name: str
    num_layers: int
    hidden_size: int
    num_heads: int
    intermediate_size: int
    vocab_size: int = GPT2_VOCABULARY
    context: int = 2048
    tokenizer: str = "gpt2"
    initializer_range: float = 0.02

    @property
    def end_of_text(self) -> int:
        """The token that ends a text."""
        return GPT2_END_OF_TEXT if self.tokenizer == "gpt2" else 0


# SwiGLU's width follows the rule that gives the paper's 2816 at 1024: 8/3 of the width, up to the next 256.
SCALES: dict[str, Scale] = {
    scale.name: scale
    for scale in (
        Scale("smoke", num_layers=2, hidden_size=64, num_heads=4, intermediate_size=192, context=128),
        Scale(
            "laptop",
            num_layers=2,
            hidden_size=64,
            num_heads=4,
            intermediate_size=192,
            vocab_size=256,
            context=256,
            tokenizer="bytes",
            initializer_range=0.1,
        ),
        Scale("20m", num_layers=8, hidden_size=256, num_heads=8, intermediate_size=768),
        Scale("340m", num_layers=24, hidden_size=1024, num_heads=8, intermediate_size=2816),
    )
}


def find_scale(scale: str | Scale) -> Scale:
    """A scale by name; a `Scale` is returned as it is.

    Raises:
        NotFound: for an unknown name.
    """
    if isinstance(scale, Scale):
        return scale
    if scale not in SCALES:
        raise NotFound(f"unknown scale {scale!r}", hint=f"use one of: {', '.join(SCALES)}")
    return SCALES[scale]
