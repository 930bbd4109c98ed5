"""Programs written after the checks and run once before anything was mended: what the corpus cannot say.

The corpus of `tests/verify/corpus.py` grew together with the checks, so that they find its faults says little about
others. These were written from public reports, and the first run's result (`held_out_first_run.json`) stays as it was,
whatever the checks learn from it.
"""

from __future__ import annotations

from tests.verify.corpus import BATCH, CAUSAL, COST, FINITE, HEAD, MASK, RUNS, SEEN, STATE, Case, put

TEMPLATE = (
    HEAD
    + """#module
class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, layer_idx=0, **kwargs):
        super().__init__()
        self.heads, self.layer_idx = num_heads, layer_idx
        self.width = hidden_size // num_heads
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        #init

    def split(self, x):
        b, n, _ = x.shape
        return self.qkv(x).view(b, n, 3, self.heads, self.width).permute(2, 0, 3, 1, 4)

    def window(self, q, k, v, size=8):
        n = q.shape[2]
        k, v = (F.pad(t, (0, 0, size - 1, 0)).unfold(2, size, 1) for t in (k, v))
        scores = torch.einsum("bhnd,bhndw->bhnw", q, k) / self.width**0.5
        early = torch.arange(n, device=q.device)[:, None] + torch.arange(size, device=q.device) < size - 1
        scores = scores.masked_fill(early, -1e9)
        #scores
        return torch.einsum("bhnw,bhndw->bhnd", scores.softmax(-1), v)

    def linear(self, q, k, v, state=None, size=16):
        b, h, n, d = q.shape
        state = q.new_zeros(b, h, d, d) if state is None else state
        out = []
        for a in range(0, n, size):
            qc, kc, vc = (t[:, :, a : a + size] for t in (q, k, v))
            m = qc.shape[2]
            inside = torch.tril(q.new_ones(m, m))
            #chunk
            out.append(qc @ state + (qc @ kc.transpose(-1, -2) * inside) @ vc)
            state = state + kc.transpose(-1, -2) @ vc
        return torch.cat(out, 2) / d, state

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        b, n, _ = x.shape
        mask = None if attention_mask is None else attention_mask[:, -n:]
        #pre
        if mask is not None:
            x = x * mask[..., None].to(x.dtype)
        q, k, v = self.split(x)
        #keys
        y = self.linear(q, k, v)[0]
        y = y.transpose(1, 2).reshape(b, n, -1)
        #post
        return self.out(y), None, None
"""
)
CACHED = (
    HEAD
    + """
class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, layer_idx=0, **kwargs):
        super().__init__()
        self.layer_idx, self.taps = layer_idx, 4
        self.weight = nn.Parameter(torch.randn(4, hidden_size) / 2)
        self.decay = nn.Parameter(torch.full((hidden_size,), 2.0))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False, **kwargs):
        x = hidden_states
        b, n, d = x.shape
        if attention_mask is not None:
            x = x * attention_mask[:, -n:, None].to(x.dtype)
        tail, state = x.new_zeros(b, 3, d), x.new_zeros(b, d)
        cached = past_key_values is not None and len(past_key_values) > self.layer_idx
        if cached:
            kept = past_key_values[self.layer_idx]
            tail, state = kept["conv_state"], kept["recurrent_state"]
        #load
        wide = torch.cat([tail, x], 1)
        y = sum(self.weight[i] * wide[:, i : i + n] for i in range(4))
        keep = torch.sigmoid(self.decay)
        steps = []
        for t in range(n):
            state = keep * state + y[:, t]
            steps.append(state)
        y = torch.stack(steps, 1)
        if use_cache and past_key_values is not None:
            past_key_values.update(conv_state=wide[:, -3:], recurrent_state=state, layer_idx=self.layer_idx, offset=n)
        #post
        return self.out(F.silu(y)), None, past_key_values
"""
)
HELD_OUT: list[Case] = []


def _add(
    name: str, kind: str, must: str = "", may: frozenset[str] = frozenset(), template: str = TEMPLATE, **lines: str
) -> None:  # fmt: skip
    """A program; `must` names groups of rows (CAUSAL ...) or rows, of each of which one must fail."""
    groups = {"CAUSAL": CAUSAL, "MASK": MASK, "BATCH": BATCH, "COST": COST, "RUNS": RUNS, "FINITE": FINITE}
    wanted = tuple(groups.get(one, frozenset({one})) for one in must.split())
    HELD_OUT.append(Case(name, kind, put(template, lines), wanted, may))


_add("leak_where_dropout_takes_the_other_path", "modes", "CAUSAL", SEEN,  # keras-team/keras#23038
     chunk="if self.training:\n    inside = torch.ones_like(inside)")  # fmt: skip
_add("leak_inside_the_own_block", "lengths", "CAUSAL", SEEN,  # tenstorrent/tt-metal#48700
     keys="if n > 300:\n    v = v + F.pad(v, (0, 0, 0, -n % 32)).unflatten(2, (-1, 32)).mean(3, True).expand(-1, -1, -1, 32, -1).flatten(2, 3)[:, :, :n]")  # fmt: skip
_add("leak_by_state_before_reading", "lengths", "CAUSAL", SEEN,  # karpathy/nanochat#844: chunk recurrences
     chunk="state = state + kc.transpose(-1, -2) @ vc")  # fmt: skip
_add("leak_by_the_largest_key", "numbers", "CAUSAL", SEEN,  # stabilised over the whole sequence, with an epsilon
     keys="k = torch.exp(k - k.amax(2, True))\nk = k / (k.cumsum(2) + 1e-6)")  # fmt: skip
_add("leak_by_choice_of_tokens", "lengths", "CAUSAL", SEEN,  # mixture of depths: the top half of a sequence
     post="score = y.sum(-1)\nkeep = score >= score.median(1, True).values\ny = torch.where(keep[..., None], y, 0.5 * y)")  # fmt: skip
_add("leak_by_group_norm", "lengths", "CAUSAL", SEEN | BATCH,
     init="self.norm = nn.GroupNorm(2, hidden_size)", post="y = self.norm(y.transpose(1, 2)).transpose(1, 2)")  # fmt: skip
_add("leak_by_interpolation", "lengths", "CAUSAL", SEEN,
     post="if n > 8:\n    z = F.interpolate(y[:, ::4].transpose(1, 2), size=n, mode='linear').transpose(1, 2)\n    y = y + 0.1 * z")  # fmt: skip
_add("gradient_from_the_future", "modes", "causality_jacobian", SEEN,
     post="z = y.mean(1, True)\ny = y + z - z.detach()")  # fmt: skip
_add(
    "leak_by_a_shift_the_wrong_way",
    "lengths",
    "CAUSAL",
    SEEN,
    keys="k = torch.cat([k[:, :, 1:], k[:, :, :1]], 2)",
)
_add("window_one_too_wide", "lengths", "CAUSAL", SEEN,
     keys="y = self.window(q, k, v).transpose(1, 2).reshape(b, n, -1)",
     **{"k, v = (F.pad(t, (0, 0, size - 1, 0))": "k, v = (F.pad(t, (0, 0, size - 2, 1))",
        "        y = self.linear(q, k, v)[0]\n        y = y.transpose(1, 2).reshape(b, n, -1)\n": ""})  # fmt: skip
_add("as_many_chunks_whatever_the_length", "lengths", "prefix_consistency", MASK,
     post="y = torch.cat([c.cumsum(1) for c in y.chunk(4, 1)], 1)")  # fmt: skip
_add("mask_before_the_convolution_only", "masks", "mask_equivalence", MASK,  # huggingface/transformers#32677
     init="self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size)",
     **{"        q, k, v = self.split(x)\n":
        "        x = F.silu(self.conv(F.pad(x.transpose(1, 2), (3, 0))).transpose(1, 2))\n        q, k, v = self.split(x)\n"})  # fmt: skip
_add("mask_skipped_in_batches_of_one", "masks", "MASK", MASK,  # huggingface/transformers#46773
     **{"if mask is not None:": "if mask is not None and b > 1 and n > 1:"})  # fmt: skip
_add("positions_from_the_longest_neighbour", "masks", "mask_sample_isolation", MASK,  # Blaizzy/mlx-vlm#1946
     keys="start = 0 if mask is None else n - int(mask.sum(1).max())\na = (torch.arange(n, device=x.device) - start).to(x.dtype)[:, None]\nv = v * (1.5 + torch.cos(0.1 * a))")  # fmt: skip
_add("cache_after_right_padding", "caches", "cache_decoding", frozenset({"cache_continuation"}),  # huggingface/transformers#48256
     CACHED)  # fmt: skip
_add("several_new_tokens_unmasked", "caches", "cache_continuation", frozenset(), CACHED,
     load="started = past_key_values is not None and len(past_key_values) > self.layer_idx",
     post="if started and n > 1:\n    y = y + 0.1 * y.mean(1, True)")  # mlx-node/mlx-node#24 # fmt: skip
_add("partial_chunk_counted_twice", "caches", "cache_decoding", frozenset({"cache_continuation"}),  # fla-org#1176
     CACHED, **{"recurrent_state=state,": "recurrent_state=state if n % 64 < 2 else state * keep,"})  # fmt: skip
_add("window_of_the_cache_too_short", "caches", "cache_decoding", frozenset({"cache_continuation"}), CACHED,
     **{"conv_state=wide[:, -3:]": "conv_state=F.pad(wide[:, -2:], (0, 0, 1, 0))"})  # fmt: skip
_add("frequencies_in_bf16", "numbers", "bf16_positions", frozenset({"mask_equivalence"}),  # Modalities/modalities#462
     keys="f = (0.9 ** torch.arange(self.width, device=x.device)).to(x.dtype)\na = (torch.arange(n, device=x.device)[:, None] * f).to(x.dtype)\nq = q * torch.cos(a)")  # fmt: skip
_add(
    "shorter_than_its_kernel", "lengths", "RUNS", RUNS | MASK, pre="assert n >= 4"
)  # fla-org/flash-linear-attention#546
_add("statistics_left_out_of_the_checkpoint", "state", "checkpoint", STATE | CAUSAL | BATCH | SEEN | MASK,
     init="self.mean = torch.zeros(())",
     post="if self.training:\n    self.mean = 0.9 * self.mean + 0.1 * float(y.detach().mean())\ny = y - self.mean")  # fmt: skip
_add("table_shared_by_length", "state", "instance_independence", SEEN | {"determinism"},
     module="TABLES = {}",
     post="if n not in TABLES:\n    TABLES[n] = 1 + float(self.out.weight.detach().abs().mean())\ny = y * TABLES[n]", )  # fmt: skip
_add("quantile_of_the_batch", "batches", "BATCH", BATCH | MASK | CAUSAL | {"prefix_consistency", "runs_bf16"},
     post="y = y.clamp(max=float(y.detach().flatten().quantile(0.9)))")  # fmt: skip
_add("scores_of_all_pairs_in_training", "cost", "COST", COST | {"mask_equivalence"},
     post="if self.training:\n    s = torch.tril(torch.tanh(y @ y.transpose(1, 2)))\n    y = y + (s * s) @ y / (1 + torch.arange(n, device=y.device))[:, None]")  # fmt: skip
_add("saturated_denominator", "numbers", "finite_fp32", FINITE,
     post="y = y / (1 - torch.tanh(20 * y.square().mean(-1, True)))")  # fmt: skip
_add("gate_never_read", "parameters", "dead_parameters",
     init="self.gate = nn.Linear(hidden_size, 1)",
     post="g = torch.sigmoid(self.gate(x))\ny = y * (g / g)")  # fmt: skip
_add("random_features_drawn_anew", "determinism", "determinism", CAUSAL | BATCH | MASK,
     keys="w = torch.randn(self.width, self.width).to(x)\nq, k = (torch.tanh(t @ w) for t in (q, k))")  # fmt: skip
_add("packed_convolution_cut_but_state_carried", "packing", "packed_samples", frozenset(), TEMPLATE,
     pre="ends = kwargs.get('cu_seqlens')",
     keys="if ends is not None:\n    first = torch.zeros(n, dtype=torch.bool)\n    first[ends[:-1].long()] = True\n    k = torch.where(first[:, None], torch.zeros_like(k), k)")  # fmt: skip

_add("linear_attention", "clean")
_add("window_attention", "clean",
     keys="y = self.window(q, k, v).transpose(1, 2).reshape(b, n, -1) if mask is None else None",
     **{"        y = self.linear(q, k, v)[0]\n        y = y.transpose(1, 2).reshape(b, n, -1)\n":
        "        if y is None:\n            rows = []\n            for row in range(b):\n                kept = mask[row].bool()\n                o = torch.zeros_like(x[row])\n                o[kept] = self.window(*(t[row : row + 1, :, kept] for t in (q, k, v))).transpose(1, 2).reshape(1, int(kept.sum()), -1)[0]\n                rows.append(o)\n            y = torch.stack(rows)\n"})  # fmt: skip
_add("keys_divided_by_their_running_sum", "clean",
     keys="if mask is not None:\n    k = k.masked_fill(mask[:, None, :, None] == 0, -1e4)\nk = torch.exp(k - torch.logcumsumexp(k, 2))\nif mask is not None:\n    k = k * mask[:, None, :, None].to(k.dtype)")  # fmt: skip
_add("recurrence_with_a_cache", "clean", template=CACHED,
     load="assert attention_mask is None or not use_cache, 'a padded prompt cannot be cached'")  # fmt: skip
_add("noise_in_training", "clean", post="if self.training:\n    y = y + 0.01 * torch.randn_like(y)")
_add("running_largest_value", "clean", post="y = y / (1 + y.abs().cummax(1).values)")
_add("router_by_token", "clean", init="self.experts = nn.Parameter(torch.randn(4, hidden_size))",
     post="w = (y @ self.experts.t()).softmax(-1)\ny = y * (1 + w @ self.experts)")  # fmt: skip
_add("rotation_in_single_precision", "clean",
     keys="f = 0.9 ** torch.arange(self.width, device=x.device).float()\np = torch.arange(n, device=x.device)[None] if mask is None else mask.cumsum(1) - 1\nq = q * torch.cos(p.float()[:, None, :, None] * f).to(q.dtype)")  # fmt: skip
_add("checkpointed_layer", "clean", module="from torch.utils.checkpoint import checkpoint",
     **{"return self.out(y), None, None": "return checkpoint(self.out, y, use_reentrant=False), None, None"})  # fmt: skip
_add("statistics_kept_in_the_checkpoint", "clean",
     init="self.register_buffer('mean', torch.zeros(()))",
     post="if self.training:\n    with torch.no_grad():\n        self.mean.mul_(0.9).add_(0.1)\ny = y * (1 + self.mean)")  # fmt: skip
_add(
    "gate_that_starts_shut",
    "clean",
    init="self.scale = nn.Parameter(torch.tensor(0.0))",
    post="y = y + self.scale * x",
)
_add("padded_to_whole_chunks", "clean",
     post="y = F.pad(y, (0, 0, 0, -n % 64)).unflatten(1, (-1, 64)).tanh().flatten(1, 2)[:, :n]")  # fmt: skip
