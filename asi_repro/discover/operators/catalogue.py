"""The blocks of the library: what each is called in the field, what it does, what may be changed.

The code of a block is in `blocks/`; here is what operators need to know to place it and to tell of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from asi_repro.discover.operators.calls import Call

Kind = Literal["stem", "path", "fusion", "stage", "norm", "feature", "beta", "decay"]
SLOT_KINDS: dict[str, Kind] = {
    "stem": "stem",
    "paths": "path",
    "fusion": "fusion",
    "stages": "stage",
    "norm": "norm",
}
PART_KINDS: tuple[Kind, ...] = ("feature", "beta", "decay")
WIDTHS = ("hidden_size", "num_heads")


@dataclass(frozen=True)
class Block:
    """One class of the library.

    Attributes:
        name: the class.
        kind: where it fits.
        term: the field's term for it.
        mechanism: what it computes, a sentence without its subject.
        hypers: keyword and the values it may take, as source; the first is what a new block starts with.
        parts: keywords that hold a block of the kind of that name.
        positional: positional arguments, as source.
        cost: relative cost of a path, in units of the delta rule.
    """

    name: str
    kind: Kind
    term: str
    mechanism: str
    hypers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: tuple[Kind, ...] = ()
    positional: tuple[str, ...] = WIDTHS
    cost: int = 0

    def values(self, keyword: str) -> tuple[str, ...]:
        """What a keyword may be."""
        return dict(self.hypers).get(keyword, ())


_CHUNK = ("chunk", ("32", "16", "64"))
_SHORT = ("kernel_size", ("4", "2", "3", "5", "7", "8"))
_FIR = ("kernel_size", ("15", "5", "7", "11", "23", "31", "47", "63"))
_FLOOR = ("floor", ("0.1", "0.2", "0.3", "0.5", "0.7"))
_DECAY_START = ("start", ("0.95", "0.5", "0.8", "0.9", "0.98", "0.99"))
_PROBABILITY_FLOOR = ("floor", ("0.05", "0.0", "0.01", "0.02", "0.1", "0.2"))
_RANK = ("rank", ("16", "4", "8", "32"))
_PATHS = ("paths", ("len(self.paths)",))
_BETA_START = ("start", ("0.5", "0.1", "0.25", "0.75", "0.9"))

BLOCKS: tuple[Block, ...] = (
    Block("NoStem", "stem", "no stem", "passes the input as it is", positional=()),
    Block(
        "TokenShift",
        "stem",
        "token shift",
        "mixes each token with the one before it by a learned share a channel",
        (("previous", ("0.25", "0.1", "0.5")),),
    ),
    Block(
        "StemConvolution",
        "stem",
        "short causal convolution of the input",
        "adds a depthwise causal convolution of the input before all paths",
        (_SHORT,),
    ),
    Block(
        "DeltaRule",
        "path",
        "delta rule",
        "corrects a fast-weight state towards each value at its L2-normalised key, chunk by chunk",
        (_CHUNK, _SHORT),
        ("feature", "beta"),
        cost=2,
    ),
    Block(
        "GatedDeltaRule",
        "path",
        "gated delta rule",
        "lets the state decay before the delta rule writes to it",
        (_CHUNK, _SHORT),
        ("feature", "beta", "decay"),
        cost=2,
    ),
    Block(
        "LinearAttention",
        "path",
        "linear attention",
        "adds the outer product of feature-mapped key and value to a state that never decays",
        (_CHUNK, _SHORT),
        ("feature",),
        cost=1,
    ),
    Block(
        "DecayedAttention",
        "path",
        "linear attention with decay",
        "adds the outer product of key and value to a state that decays, as retention and gated linear "
        "attention do",
        (_CHUNK, _SHORT),
        ("feature", "decay"),
        cost=1,
    ),
    Block(
        "DecayedAverage",
        "path",
        "gated linear recurrence",
        "keeps an exponential moving average of values, channel by channel",
        (_CHUNK,),
        ("decay",),
        cost=1,
    ),
    Block(
        "CausalFilter",
        "path",
        "causal FIR filter",
        "convolves values with learned taps a channel that start as the identity",
        (_FIR, ("past", ("0.02", "0.05", "0.1"))),
    ),
    Block(
        "AveragingFilter",
        "path",
        "causal FIR filter that starts as a moving average",
        "convolves values with learned taps a channel that start equal",
        (_FIR,),
    ),
    Block(
        "MultiScaleFilter",
        "path",
        "multi-scale causal FIR filters",
        "convolves values with filters of several lengths and mixes them by learned weights a head",
        (
            (
                "kernel_sizes",
                ("(3, 7, 31)", "(3, 15)", "(1, 3, 7, 15)", "(2, 4, 8, 16)", "(5, 63)", "(3, 7, 15, 63)"),
            ),
        ),
    ),
    Block(
        "GatedFilter",
        "path",
        "gated causal FIR filter",
        "convolves values with learned taps and multiplies by a sigmoid gate from the token",
        (_FIR,),
    ),
    Block(
        "WindowAttention",
        "path",
        "sliding-window attention",
        "attends by softmax to a fixed number of the last tokens, block by block",
        (("window", ("16", "8", "32")),),
        cost=1,
    ),
    Block("ValuePath", "path", "value path", "passes a projection of the token itself, as an identity path"),
    Block(
        "AdoptedPath",
        "path",
        "another program's mixer",
        "holds a whole program of another form as one path",
        (),
        (),
    ),
    Block("OnePath", "fusion", "no fusion", "passes the only path", positional=()),
    Block("MeanFusion", "fusion", "mean of the paths", "averages the paths", positional=()),
    Block(
        "HeadFusion",
        "fusion",
        "learned softmax weights a head",
        "weighs paths by a softmax that is the same for all tokens",
        (_PATHS, ("first", ("1.0", "0.0", "2.0"))),
    ),
    Block(
        "ResidualFusion",
        "fusion",
        "scaled residual paths",
        "adds all other paths to the first, each times a learned scale a head",
        (_PATHS, ("start", ("0.1", "0.01", "0.3", "0.5", "1.0"))),
    ),
    Block(
        "SoftmaxRouter",
        "fusion",
        "softmax router with a probability floor",
        "weighs paths for each token and head by a softmax of a projection of the token",
        (_PATHS, _PROBABILITY_FLOOR, ("temperature", ("1.0", "0.5", "0.7", "1.5", "2.0"))),
    ),
    Block(
        "StatisticsRouter",
        "fusion",
        "softmax router on path statistics",
        "weighs paths by a softmax that sees the token and each path's mean and root mean square",
        (_PATHS, _PROBABILITY_FLOOR),
    ),
    Block(
        "SigmoidFusion",
        "fusion",
        "independent sigmoid gates",
        "adds the paths, each times a sigmoid gate for each token and head",
        (_PATHS,),
    ),
    Block(
        "NormalisedFusion",
        "fusion",
        "weighted sum of normalised paths",
        "divides each path by its root mean square, then adds them with learned weights a head",
        (_PATHS,),
    ),
    Block(
        "HeadMix",
        "stage",
        "head mixing",
        "mixes the heads by a learned matrix that starts near the identity",
        (("noise", ("0.02", "0.0", "0.1")),),
    ),
    Block(
        "InputSkip",
        "stage",
        "scaled identity residual",
        "adds the layer's input times a learned scale a head",
        (("start", ("0.1", "0.01", "0.5", "1.0")),),
    ),
    Block(
        "HeadGate",
        "stage",
        "head gate",
        "multiplies each head by a sigmoid gate from the token",
        (("start", ("0.9", "0.5", "0.99")),),
    ),
    Block(
        "OutputFilter",
        "stage",
        "short causal convolution of the output",
        "adds a depthwise causal convolution of the mixed heads",
        (_SHORT,),
    ),
    Block("HeadRMSNorm", "norm", "RMS norm a head", "normalises each head by its root mean square"),
    Block(
        "GatedRMSNorm",
        "norm",
        "gated RMS norm",
        "normalises each head, then multiplies by a SiLU gate from the token",
    ),
    Block(
        "SigmoidGatedNorm",
        "norm",
        "sigmoid output gate",
        "normalises each head, then multiplies by a low-rank sigmoid gate from the token",
        (_RANK,),
    ),
    Block(
        "NormOfGated",
        "norm",
        "RMS norm of the gated output",
        "multiplies by a SiLU gate from the token, then normalises each head",
    ),
    Block("HeadLayerNorm", "norm", "layer norm a head", "centres and normalises each head"),
    Block("SiluFeature", "feature", "SiLU feature map", "applies SiLU to queries and keys", positional=()),
    Block("LinearFeature", "feature", "linear feature map", "leaves queries and keys", positional=()),
    Block("EluFeature", "feature", "ELU + 1 feature map", "makes features positive", positional=()),
    Block(
        "SquaredReluFeature",
        "feature",
        "squared ReLU feature map",
        "squares the positive part of queries and keys",
        positional=(),
    ),
    Block(
        "SoftmaxFeature",
        "feature",
        "softmax feature map",
        "lets the channels of queries and keys compete",
        positional=(),
    ),
    Block(
        "SigmoidBeta",
        "beta",
        "sigmoid write strength",
        "writes with a strength from the token",
        (("scale", ("1.0", "0.5", "1.5", "2.0")),),
    ),
    Block(
        "BiasedBeta",
        "beta",
        "biased sigmoid write strength",
        "writes with a strength from the token and a learned bias",
        (_BETA_START,),
    ),
    Block(
        "HeadBeta",
        "beta",
        "write strength a head",
        "writes with one learned strength a head",
        (_BETA_START,),
    ),
    Block(
        "FixedDecay",
        "decay",
        "fixed decay a head, as in retention",
        "decays by a constant that differs from head to head",
        (("shortest", ("8", "4", "16", "32")), ("longest", ("512", "128", "256", "2048"))),
    ),
    Block(
        "LearnedDecay",
        "decay",
        "learned decay a head",
        "decays by a learned number a head",
        (_FLOOR, _DECAY_START),
    ),
    Block(
        "ScalarDecay",
        "decay",
        "data-dependent decay a head",
        "decays by a sigmoid of a projection of the token, above a floor",
        (_FLOOR, _DECAY_START),
    ),
    Block(
        "ChannelDecay",
        "decay",
        "data-dependent decay a channel",
        "decays each key channel by a low-rank projection of the token, above a floor",
        (_FLOOR, _DECAY_START, _RANK),
    ),
)

_BY_NAME = {block.name: block for block in BLOCKS}
# Not drawn when something is to be added: they stand for "nothing" or need a program to hold.
NOT_DRAWN = frozenset({"NoStem", "OnePath", "AdoptedPath"})


def find_block(name: str) -> Block | None:
    """The block of a class, also where a crossing numbered it (DeltaRule_2); None for others."""
    return _BY_NAME.get(name) or _BY_NAME.get(re.sub(r"_\d+$", "", name))


@cache
def blocks_of(kind: Kind) -> tuple[Block, ...]:
    """The blocks of a kind that may be drawn, in the catalogue's order."""
    return tuple(block for block in BLOCKS if block.kind == kind and block.name not in NOT_DRAWN)


def plain_call(block: Block, **chosen: str | Call) -> Call:
    """A call of a block with its first values; parts must be in `chosen`."""
    keywords: list[tuple[str, str | Call]] = [(k, chosen.get(k, values[0])) for k, values in block.hypers]
    keywords += [(part, chosen[part]) for part in block.parts]
    return Call(block.name, block.positional, tuple(keywords))
