"""Small programs of every kind of fault, and clean ones that look like them.

Each is a template with lines put in at its marks. A fault says which rows must fail and which may fail with them;
every other row must not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

FOLDER = Path(__file__).parent
HEAD = "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
CONVOLUTION = (
    HEAD
    + """#module
class DeltaNet(nn.Module):
    #class
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.width = hidden_size // num_heads
        self.inp = nn.Linear(hidden_size, hidden_size, bias=False)
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.gate = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        #init

    def mix(self, x):
        y = self.conv(F.pad(self.inp(x).transpose(1, 2), (3, 0))).transpose(1, 2)
        n = y.shape[1]
        #mix
        return y * torch.sigmoid(self.gate(x))

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        mask = None if attention_mask is None else attention_mask[:, -x.shape[1] :]
        #pre
        if mask is not None:
            x = x * mask[..., None].to(x.dtype)
        y = self.out(self.mix(x))
        #post
        return y, None, None
"""
)
FFT = (
    HEAD
    + """
class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, taps=96, **kwargs):
        super().__init__()
        decay = torch.exp(-torch.arange(taps) / 24)
        self.kernel = nn.Parameter(torch.randn(hidden_size, taps) * decay / taps**0.5)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        n = x.shape[1]
        size = 2 * n
        wide = torch.float32 if x.dtype == torch.bfloat16 else x.dtype
        kernel = torch.fft.rfft(self.kernel.to(wide)[:, :n], n=size)
        y = torch.fft.irfft(torch.fft.rfft(x.to(wide).transpose(1, 2), n=size) * kernel, n=size)[..., :n]
        return self.out(y.transpose(1, 2).to(x.dtype)), None, None
"""
)
PACKED = (
    HEAD
    + """
class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def mix(self, x):
        return self.conv(F.pad(x.transpose(1, 2), (3, 0))).transpose(1, 2)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, ends = hidden_states, kwargs.get("cu_seqlens")
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        if ends is None:
            y = self.mix(x)
        else:
            ends = ends.tolist()
            y = torch.cat([self.mix(x[:, a:b]) for a, b in zip(ends, ends[1:])], dim=1)
        return self.out(F.silu(y)), None, None
"""
)


def shared(name: str) -> str:
    """A program of `tests/verify/reported` or `tests/verify/planted`."""
    for folder in ("reported", "planted"):
        path = FOLDER / folder / f"{name}.py"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(name)


CACHED = shared("f19_cached_prefill_dropped").replace(
    "        state = empty  # the whole-sequence path starts anew, whatever the cache holds\n",
    "        state = empty if state is None else state\n",
)

CAUSAL = frozenset({"causality_perturbation", "causality_jacobian"})
SEEN = frozenset({"prefix_consistency", "padding_isolation", "mask_equivalence"})
BATCH = frozenset({"batch_independence", "batch_independence_train"})
MASK = frozenset({"padding_isolation", "mask_sample_isolation", "mask_equivalence"})
COST = frozenset({"flops_exponent", "elements_exponent", "memory_exponent"})
STATE = frozenset({"eval_state", "eval_history", "checkpoint"})
FINITE = frozenset({"finite_fp32", "finite_bf16", "finite_fp64", "training_steps"})
RUNS = frozenset({"runs_fp32", "runs_bf16", "runs_fp64", "training_steps"})


@dataclass(frozen=True)
class Case:
    """One program.

    Attributes:
        name: of the case.
        kind: of the fault, or "clean".
        source: the program.
        must: rows that must fail, at least one of each set of alternatives.
        may: rows that may fail too, as what follows from the fault.
    """

    name: str
    kind: str
    source: str
    must: tuple[frozenset[str], ...] = ()
    may: frozenset[str] = field(default_factory=frozenset)

    @property
    def allowed(self) -> frozenset[str]:
        """Rows that may fail."""
        return self.may.union(*self.must)


def put(template: str, lines: Mapping[str, str]) -> str:
    """The template with lines put in at its marks (`mix`, `init` ...) or in place of a text that it has once."""
    for mark, text in lines.items():
        at = f"#{mark}\n"
        if at in template:
            start = template.index(at)
            indent = " " * (start - template.rfind("\n", 0, start) - 1)
            template = template.replace(at, text.strip().replace("\n", "\n" + indent) + "\n", 1)
        else:
            assert template.count(mark) >= 1, mark
            template = template.replace(mark, text)
    return "".join(line for line in template.splitlines(keepends=True) if not line.strip().startswith("#"))


LEAK = "y = y + 0.1 * x.flip(1)"
CASES: list[Case] = []


def fault(
    kind: str, name: str, must: str | frozenset[str], may: frozenset[str] = frozenset(),
    template: str = CONVOLUTION, **lines: str,
) -> None:  # fmt: skip
    """Add a faulty program; `must` is a row, or rows of which one must fail."""
    wanted = frozenset(must.split()) if isinstance(must, str) else must
    alternatives = tuple(frozenset({row}) for row in wanted) if isinstance(must, str) else (wanted,)
    CASES.append(Case(name, kind, put(template, lines), alternatives, may))


def clean(name: str, template: str = CONVOLUTION, **lines: str) -> None:
    """Add a clean program."""
    CASES.append(Case(name, "clean", put(template, lines)))


def _leaks(kind: str, name: str, condition: str, **more: str) -> None:
    fault(kind, name, CAUSAL, SEEN, mix=f"if {condition}:\n    {LEAK}", **more)


# Lengths.
for _name, _condition in {
    "above_777": "n > 777", "at_2048": "n == 2048", "at_multiples_of_128": "n >= 384 and n % 128 == 0",
    "from_a_shift": "n >= 1 << 11", "at_multiples_of_48": "n % 48 == 0", "at_333": "n == 333",
    "below_6": "1 < n < 6", "from_a_product": "n > 3 * 512", "between_900_and_950": "900 < n < 950",
    "at_powers_of_two": "n > 1000 and n & (n - 1) == 0", "long_in_training": "self.training and n > 500",
    "from_a_table": "n in (640, 1280)", "one_before_a_table": "n + 1 in (750, 1500)",
}.items():  # fmt: skip
    _leaks("lengths", f"leak_{_name}", _condition)
fault(
    "lengths",
    "fft_to_the_power_of_two",
    CAUSAL,
    SEEN,
    FFT,
    **{"size = 2 * n": "size = 1 << (n - 1).bit_length()"},
)
fault("lengths", "fft_of_the_same_size", CAUSAL, SEEN, FFT, **{"size = 2 * n": "size = n"})
fault("lengths", "fft_a_little_short", CAUSAL, SEEN, FFT, **{"size = 2 * n": "size = n + 64"})
fault("lengths", "scaled_by_long_lengths", "prefix_consistency", mix="y = y * max(n / 900, 1.0)")
fault("lengths", "raises_above_1500", "runs_fp32", RUNS, mix="assert n <= 1500")
fault("lengths", "raises_at_300", "runs_fp32", RUNS, mix="if n == 300:\n    raise ValueError")
fault("lengths", "nan_above_1000", "finite_fp32", FINITE, mix="if n > 1000:\n    y = y * float('nan')")
# Width.
_leaks("width", "leak_at_heads_of_128", "self.width >= 128")
_leaks("width", "leak_above_heads_of_64", "self.width > 64")
_leaks("width", "leak_at_width_1024", "x.shape[-1] >= 1024")
fault(
    "width",
    "batch_mixed_at_heads_of_128",
    BATCH,
    BATCH | MASK,
    mix="if self.width > 100:\n    y = y + y.mean(0, True)",
)
fault(
    "width",
    "mask_ignored_at_heads_of_128",
    "padding_isolation",
    MASK,
    pre="if self.width > 100:\n    mask = None",
)
fault("width", "raises_at_heads_of_128", "runs_fp32", RUNS, mix="assert self.width <= 64")
# Parameters.
_SCALAR = "self.open = nn.Parameter(torch.tensor({}))"
for _name, _start, _gate in (
    ("relu_from_minus_1", "-1.0", "F.relu(self.open)"),
    ("relu_downwards", "0.0", "F.relu(-1 - self.open)"),
    ("step_at_3", "0.0", "(self.open > 3).to(x.dtype)"),
    ("relu_from_minus_7", "-7.0", "F.relu(self.open)"),
    ("clamped", "2.0", "(self.open - 4).clamp(0, 1)"),
    ("sigmoid_shut", "-50.0", "torch.sigmoid(self.open + 50).sub(0.5).clamp(min=0.2).sub(0.2)"),
):
    fault("parameters", f"leak_{_name}", CAUSAL, SEEN | {"dead_parameters"}, init=_SCALAR.format(_start),
          mix=f"y = y + {_gate} * x.mean(1, True)")  # fmt: skip
fault("parameters", "leak_behind_two_gates", CAUSAL, SEEN | {"dead_parameters"},
      init="self.a = nn.Parameter(torch.tensor(-1.0))\nself.b = nn.Parameter(torch.tensor(1.0))",
      mix="y = y + F.relu(self.a) * F.relu(-self.b) * x.mean(1, True)")  # fmt: skip
fault("parameters", "batch_mixed_behind_a_gate", BATCH, BATCH | MASK | {"dead_parameters"}, init=_SCALAR.format("-1.0"),
      mix="y = y + F.relu(self.open) * y.mean(0, True)")  # fmt: skip
fault("parameters", "mask_ignored_behind_a_gate", MASK, MASK | {"dead_parameters"}, init=_SCALAR.format("-1.0"),
      pre="mask = mask if float(self.open) < 1 else None")  # fmt: skip
fault("parameters", "unused", "dead_parameters", init=_SCALAR.format("1.0"))
fault(
    "parameters",
    "multiplied_by_zero",
    "dead_parameters",
    init=_SCALAR.format("1.0"),
    mix="y = y + 0 * self.open",
)
fault(
    "parameters", "detached", "dead_parameters", init=_SCALAR.format("1.0"), mix="y = y * self.open.detach()"
)
fault("parameters", "softmax_of_one", "dead_parameters", init="self.open = nn.Parameter(torch.zeros(1))",
      mix="y = y * torch.softmax(self.open, 0)")  # fmt: skip
# Modes.
_leaks("modes", "leak_in_training", "self.training")
_leaks("modes", "leak_in_eval", "not self.training")
_leaks("modes", "leak_with_a_graph", "torch.is_grad_enabled()")
fault(
    "modes",
    "batch_mixed_in_training",
    "batch_independence_train",
    MASK,
    mix="if self.training:\n    y = y + y.mean(0, True)",
)
fault("modes", "batch_norm", "batch_independence_train", MASK | {"eval_state", "checkpoint", "prefix_consistency"} | CAUSAL,
      init="self.norm = nn.BatchNorm1d(hidden_size)", mix="y = self.norm(y.transpose(1, 2)).transpose(1, 2)")  # fmt: skip
fault("modes", "quadratic_in_training", COST, COST | {"mask_equivalence"},
      mix="if self.training:\n    y = y + 1e-3 * torch.tril(x @ x.transpose(1, 2)) @ y / (1 + torch.arange(n).to(x))[:, None]")  # fmt: skip
fault(
    "modes",
    "scaled_by_length_in_training",
    "prefix_consistency",
    {*MASK},
    mix="if self.training:\n    y = y / n**0.5",
)  # type: ignore[arg-type]
fault(
    "modes",
    "nan_in_training_at_odd_lengths",
    "finite_fp32",
    FINITE,
    mix="if self.training and n % 2:\n    y = y * float('nan')",
)
fault("modes", "dropout_in_eval", "determinism", mix="y = F.dropout(y, 0.1, training=True)")
# Masks.
for _name, _pre in {
    "mask_ignored": "mask = None", "mask_inverted": "mask = None if mask is None else 1 - mask",
    "mask_shifted": "mask = None if mask is None else mask.roll(1, 1)",
    "mask_of_the_first_for_all": "mask = None if mask is None else mask[:1].expand_as(mask)",
    "mask_mirrored": "mask = None if mask is None else mask.flip(1)",
    "mask_ignored_alone": "mask = None if x.shape[0] == 1 else mask",
    "mask_ignored_in_batches_of_4": "mask = None if x.shape[0] == 4 else mask",
    "samples_reversed_in_batches_of_8": "x = x.flip(0) if mask is not None and x.shape[0] == 8 else x",
    "scaled_under_a_mask": "x = x if mask is None else 1.1 * x",
    "left_padding_only": "mask = None if mask is not None and mask[0, 0] == 1 else mask",
    "mask_over_all_samples": "mask = None if mask is None else mask.amin(0, True).expand_as(mask)",
}.items():  # fmt: skip
    fault("masks", _name, MASK, MASK, pre=_pre)
fault("masks", "mask_of_another_shape", "mask_runs", MASK, pre="x = x[:, : int(mask.sum(1).max())] if mask is not None else x",
      **{"mask[..., None]": "mask[:, : x.shape[1], None]"})  # fmt: skip
fault("masks", "sorted_and_left_so", "mask_sample_isolation",
      pre="if mask is not None:\n    order = torch.argsort(mask.sum(1), descending=True, stable=True)\n    x, mask = x[order], mask[order]")  # fmt: skip
# Packed samples.
fault(
    "packing",
    "ends_ignored",
    "packed_samples",
    frozenset(),
    PACKED,
    **{"if ends is None:": "if True or ends is None:"},
)
fault("packing", "ends_off_by_one", "packed_samples", frozenset(), PACKED,
      **{"ends = ends.tolist()": "ends = [0, *(e - 1 for e in ends.tolist()[1:-1]), x.shape[1]]"})  # fmt: skip
fault("packing", "only_two_samples", "packed_samples", frozenset(), PACKED,
      **{"ends = ends.tolist()": "ends = [0, int(ends[1]), x.shape[1]] if len(ends) > 2 else ends.tolist()"})  # fmt: skip
fault("packing", "samples_of_one_token_joined", "packed_samples", frozenset(), PACKED,
      **{"ends = ends.tolist()": "ends = [e for e in ends.tolist() if e != 1]"})  # fmt: skip
# Caches.
_DECODING = frozenset({"cache_decoding", "cache_continuation"})
for _name, _old, _new in (
    ("state_of_the_first_sequence", "            state = past_key_values[self.layer_idx][\"recurrent_state\"]\n",
     "            state = past_key_values[self.layer_idx][\"recurrent_state\"]\n            state = state[:1].expand_as(state)\n"),
    ("state_kept_from_long_prompts_only", "if use_cache and past_key_values is not None:",
     "if use_cache and past_key_values is not None and (length == 1 or length > 16):"),
    ("step_without_decay", "state = keep * state +", "state = state +"),
    ("step_not_kept", "if use_cache and past_key_values is not None:", "if use_cache and past_key_values is not None and length > 1:"),
    ("padding_in_the_state", "live = min(self.chunk, length - a)", "live = self.chunk"),
    ("several_tokens_read_late", "        state = empty if state is None else state\n",
     "        state = empty if state is None else state * (0.5 if length < 8 else 1)\n"),
    ("step_raises_in_batches", "        keep = torch.sigmoid(self.decay)[:, None, None]\n",
     "        keep = torch.sigmoid(self.decay)[:, None, None]\n        assert q.shape[0] == 1\n"),
):  # fmt: skip
    fault("caches", _name, _DECODING, _DECODING, CACHED, **{_old: _new})
# State.
_COUNTER = "self.register_buffer('seen', torch.zeros(()), persistent={})"
fault("state", "running_mean_in_eval", STATE, STATE | CAUSAL | {"prefix_consistency"}, init=_COUNTER.format("False"),
      mix="y = y + self.seen\nwith torch.no_grad():\n    self.seen.mul_(0.9).add_(x.detach().mean())")  # fmt: skip
fault("state", "longest_so_far", "eval_history", frozenset({"prefix_consistency"}), init="self.longest = 512",
      mix="self.longest = max(self.longest, n)\ny = y * (self.longest / 512)")  # fmt: skip
fault(
    "state",
    "counts_in_eval",
    "eval_state",
    STATE,
    init="self.calls = 0",
    mix="self.calls += 1\ny = y * (1 + 1e-3 * self.calls)",
)
fault("state", "remembers_in_a_list", STATE, STATE, init="self.last = []",
      mix="y = y + (self.last[-1] if self.last else 0)\nself.last.append(float(y.detach().mean()))")  # fmt: skip
fault("state", "second_step_fails", "training_steps", STATE, init="self.scale = nn.Parameter(torch.ones(()))\nself.table = None",
      mix="if self.table is None:\n    self.table = torch.exp(self.scale) * torch.cos(self.scale)\ny = y * self.table")  # fmt: skip
fault("state", "table_left_stale", "checkpoint", frozenset({"dead_parameters", "eval_history"}),
      init="self.scale = nn.Parameter(torch.ones(()))\nself.table = None",
      mix="if self.table is None or not self.training:\n    self.table = float(self.scale) if self.table is None else self.table\ny = y * (self.table + self.scale - self.scale.detach())")  # fmt: skip
fault("state", "counter_not_saved", "checkpoint", init=_COUNTER.format("False"),
      mix="if self.training:\n    self.seen += 1\ny = y / (1 + 0.01 * self.seen)")  # fmt: skip
fault(
    "state",
    "counter_in_an_attribute",
    "checkpoint",
    init="self.t = 0",
    mix="if self.training:\n    self.t += 1\ny = y / (1 + 0.01 * self.t)",
)
fault("state", "floor_of_a_schedule", "eval_history checkpoint", STATE, init=_COUNTER.format("False") + "\n" + _SCALAR.format("0.0"),
      mix="self.seen += 1\nfloor = 0.2 * (1 - self.seen / 2000).clamp(min=0)\ny = y * torch.sigmoid(self.open).maximum(floor.to(x))")  # fmt: skip
fault("state", "table_of_the_class", "instance_independence", frozenset({"checkpoint", "training_steps", "determinism"}) | BATCH | CAUSAL | SEEN,
      **{"class": "scale = []"}, init="DeltaNet.scale.append(0.1)", mix="y = y * sum(self.scale)")  # fmt: skip
# Numbers.
fault("numbers", "overflow_at_length", "finite_fp32 finite_bf16", FINITE,
      mix="c = 0.25 * torch.arange(1, n + 1).to(x)[:, None]\ny = torch.exp(-c) * (torch.exp(c) * y).cumsum(1)")  # fmt: skip
fault(
    "numbers",
    "overflow_at_outliers",
    "finite_fp32",
    FINITE,
    mix="y = y * (1 + torch.exp(x.square() / 50)).log()",
)
fault("numbers", "root_of_zero", "finite_fp32", FINITE, mix="y = y + x.abs().sqrt()")
fault("numbers", "log_of_zero", "finite_fp32", FINITE, mix="y = y + torch.tanh(x.abs().log())")
fault("numbers", "divides_by_zero_tokens", "finite_fp32", FINITE, mix="y = y * x / x.sum(-1, True)")
fault("numbers", "positions_in_bf16", "bf16_positions",
      mix="a = torch.arange(n).to(x.dtype)[:, None]\ny = y * torch.cos(a)", may=frozenset({"mask_equivalence"}))  # fmt: skip
fault("numbers", "positions_summed_in_bf16", "bf16_positions", frozenset({"mask_equivalence"}),
      mix="a = torch.ones_like(x[:, :, :1])\na = torch.cumsum(a, 1)\ny = y * torch.sin(a.to(x.dtype) * 0.9)")  # fmt: skip
fault("numbers", "rounded_parameter", "dead_parameters", init="self.bits = nn.Parameter(torch.ones(8))",
      mix="y = y * (1 + torch.round(self.bits).mean())")  # fmt: skip
fault(
    "numbers",
    "sign_of_a_parameter",
    "dead_parameters",
    init=_SCALAR.format("0.5"),
    mix="y = y * (1.5 + torch.sign(self.open))",
)
fault("numbers", "rounded_projection", "dead_parameters", init="self.pick = nn.Linear(hidden_size, 4)",
      mix="y = y * (1 + torch.round(self.pick(x)).sum(-1, True))")  # fmt: skip
# Determinism.
fault("determinism", "noise_in_eval", "determinism", mix="y = y + 0.01 * torch.randn_like(y)")
fault("determinism", "counts_all_calls", "determinism", FINITE | CAUSAL | BATCH | STATE | MASK | SEEN | {"instance_independence"},
      module="calls = []", mix="calls.append(1)\ny = y * (1 + 0.1 * len(calls))")  # fmt: skip
fault("determinism", "new_generator", "determinism", FINITE | CAUSAL | BATCH | STATE | MASK,
      mix="g = torch.Generator()\ng.seed()\ny = y + 0.01 * torch.randn(1, generator=g).to(x)")  # fmt: skip
# Batches.
for _name, _mix in {
    "mean_of_the_batch": "y = y + y.mean(0, True)", "statistics_of_the_first": "y = y / (1 + y[:1].abs().mean())",
    "rolled": "y = y.roll(1, 0)", "in_batches_of_8": "if y.shape[0] == 8:\n    y = y + y.mean(0, True)",
    "in_odd_batches": "if y.shape[0] % 2 and y.shape[0] > 1:\n    y = y + y.mean(0, True)",
    "in_batches_of_2": "if y.shape[0] == 2:\n    y = y.flip(0)", "largest_of_the_batch": "y = y / (1 + y.abs().amax())",
    "scaled_by_the_batch": "y = y * y.shape[0] ** 0.5",
}.items():  # fmt: skip
    fault("batches", _name, BATCH, BATCH | MASK | CAUSAL | {"prefix_consistency"}, mix=_mix)
# Cost.
fault(
    "cost",
    "quadratic",
    COST,
    COST | {"mask_equivalence"},
    mix="y = torch.tril(x @ x.transpose(1, 2)) @ y / (1 + torch.arange(n).to(x))[:, None]",
)
fault("cost", "quadratic_above_1000", COST, COST,
      mix="if n > 1000:\n    a = torch.tril(x.new_ones(n, n))\n    y = y + 0 * (a @ y)")  # fmt: skip
fault("cost", "quadratic_in_memory", "memory_exponent", COST, mix="a = x.new_zeros(n, n)\ny = y + a[:, :1]")

# Clean programs, each like a faulty one.
clean("convolution")
clean("fft_of_twice_the_length", FFT)
clean("fft_to_a_power_of_two_that_is_enough", FFT, **{"size = 2 * n": "size = 1 << (n + 96).bit_length()"})
clean("packed", PACKED)
clean("cached", CACHED)
clean("dropout_in_training", mix="y = F.dropout(y, 0.1, training=self.training)")
clean("threshold_with_the_same_result", mix="if n > 512:\n    y = torch.cat([y[:, :512], y[:, 512:]], 1)")
clean(
    "path_for_wide_heads", mix="if self.width >= 128:\n    y = y.transpose(1, 2).contiguous().transpose(1, 2)"
)
clean("open_gate", init=_SCALAR.format("-1.0"), mix="y = y + F.relu(self.open) * x")
clean("growing_table", init="self.register_buffer('table', torch.ones(0), persistent=False)",
      mix="if len(self.table) < n:\n    self.table = torch.cos(torch.arange(n).to(self.gate.weight.device) * 1e-3)\ny = y * (1 + 0 * self.table[:n, None].to(x))")  # fmt: skip
clean("bookkeeping_of_lengths", init="self.longest = 0", mix="self.longest = max(self.longest, n)")
clean("straight_through_round", init="self.bits = nn.Parameter(torch.ones(8))",
      mix="r = self.bits + (torch.round(self.bits) - self.bits).detach()\ny = y * (1 + r.mean())")  # fmt: skip
clean(
    "counter_that_is_saved",
    init=_COUNTER.format("True"),
    mix="if self.training:\n    self.seen += 1\ny = y / (1 + 0.01 * self.seen)",
)
# A counter that moves in evaluation mode too is reported as that, and not as a bad checkpoint.
fault("state", "counts_every_call_and_is_saved", "eval_state eval_history", frozenset(), init=_COUNTER.format("True"),
      mix="self.seen += 1\ny = y / (1 + 0.01 * self.seen)")  # fmt: skip
clean("parameter_under_a_mask", init="self.pad = nn.Parameter(torch.randn(hidden_size))",
      post="if mask is not None:\n    y = torch.where(mask[..., None].bool(), y, self.pad)")  # fmt: skip
clean("loss_left_to_read", init="self.loss = None", mix="self.loss = y.detach().square().mean()")
clean("norm_of_zero", mix="y = y / (1 + x.norm(dim=-1, keepdim=True))")
clean("norm_with_epsilon", mix="y = y / (1 + (x.square().sum(-1, True) + 1e-6).sqrt())")
clean("softplus_at_outliers", mix="y = y * F.softplus(x)")
clean("table_of_an_instance", init="self.scale = [0.1]", mix="y = y * sum(self.scale)")
clean("single_precision_inside", mix="y = F.silu(y.float()).to(x.dtype)")
clean("training_flag_without_effect", mix="if self.training:\n    y = y * 1.0")
clean("cumulative_mean", mix="y = y + x.cumsum(1) / (1 + torch.arange(n).to(x))[:, None] * 0")
for _name in ("c5_memory_every_256", "c8_complex64_kernel"):
    clean(_name, shared(_name))
for _name in ("clean_convolution", "clean_linear_attention", "floor_out_of_reach"):
    clean(_name, shared(_name))

# The programs of tests/verify/reported, each after a report in a public tracker.
for _name, _kind, _must, _may in (
    ("f04_fft_size_table", "lengths", CAUSAL, SEEN),
    ("f13_relu_gate", "parameters", CAUSAL, SEEN),
    ("f14_wide_head_fallback", "width", CAUSAL, SEEN),
    ("f17_sorted_not_restored", "masks", frozenset({"mask_sample_isolation"}), frozenset()),
    ("f18_cu_seqlens_ignored", "packing", frozenset({"packed_samples"}), frozenset()),
    ("f19_cached_prefill_dropped", "caches", frozenset({"cache_continuation"}), frozenset()),
    ("f23_sticky_ntk", "state", frozenset({"eval_history"}), frozenset({"prefix_consistency"})),
    ("f25_exp_overflow", "numbers", frozenset({"finite_fp32"}), FINITE),
    ("f27_second_step_fails", "state", frozenset({"training_steps"}), frozenset()),
    ("f28_dropout_in_eval", "determinism", frozenset({"determinism"}), frozenset()),
    ("f29_quadratic_in_training", "modes", COST, frozenset()),
):
    CASES.append(Case(_name, _kind, shared(_name), (_must,), _may))

# The programs of tests/verify/planted: all of the rows must fail.
for _name, _kind, _rows in (
    # Its chunks are counted from the first token, padding or not.
    ("leak_at_chunk_boundary", "lengths", CAUSAL | {"prefix_consistency", "mask_equivalence"}),
    ("leak_by_normalisation", "lengths", CAUSAL | {"prefix_consistency", "mask_equivalence"}),
    ("leak_behind_closed_gate", "parameters", CAUSAL | {"prefix_consistency"}),
    ("leak_in_training_only", "modes", CAUSAL | {"prefix_consistency", "mask_equivalence"}),
    ("leak_through_scan_order", "lengths", CAUSAL | {"prefix_consistency"}),
    ("quadratic_scores", "cost", COST),
    ("quadratic_without_products", "cost", COST - {"flops_exponent"}),
    ("mixes_batch", "batches", BATCH),
    ("dead_gate", "parameters", {"dead_parameters"}),
    ("random_in_eval", "determinism", {"determinism"}),
    # What it counts is saved, so its checkpoint is whole.
    ("state_in_eval", "state", STATE - {"checkpoint"}),
    ("mask_ignored", "masks", {"padding_isolation", "mask_equivalence"}),
    ("mask_joins_samples", "masks", {"mask_sample_isolation"}),
    ("nan_at_odd_lengths", "numbers", FINITE),
    ("fails_at_odd_lengths", "lengths", RUNS),
    ("divides_by_length", "lengths", {"prefix_consistency", "mask_equivalence"}),
    ("single_precision_only", "numbers", {"runs_bf16", "runs_fp64"}),
    ("breaks_contract", "contract", RUNS - {"training_steps"}),
):
    CASES.append(
        Case(f"planted_{_name}", _kind, shared(_name), tuple(frozenset({row}) for row in sorted(_rows)))
    )
