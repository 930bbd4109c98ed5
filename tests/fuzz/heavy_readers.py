"""The readers whose imports cost seconds: shards of the corpus, and weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from readers import Reader, write

from asi_repro.store.json_text import dump_json


def make_corpus(folder: Path) -> Path:
    import numpy as np

    from asi_repro.data.shards import write_shard

    rows = [(f"d{n}", np.arange(40, dtype=np.uint16), 99) for n in range(3)]
    shards = [write_shard(folder, split, 0, rows) for split in ("train", "validation")]
    manifest = {
        "schema": 1, "source": {"name": "sotu", "title": "t", "stand_in": True, "revision": "1"},
        "tokenizer": {"name": "gpt2"}, "seed": 0, "settings": {}, "counts": {},
        "shards": [vars(shard) for shard in shards],
    }  # fmt: skip
    return write(folder / "manifest.json", dump_json(manifest))


def read_corpus(folder: Path) -> Any:
    from asi_repro.data.blocks import open_corpus

    corpus = open_corpus(folder)
    return corpus.title, corpus.tokens("train"), corpus.blocks("train", 8, seed=1)


def read_shard(folder: Path) -> Any:
    """Past the hash, as if whoever wrote the shard wrote the manifest too."""
    from asi_repro.data.blocks import open_corpus
    from asi_repro.store.files import sha256_file

    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][0]["sha256"] = sha256_file(folder / manifest["shards"][0]["file"])
    write(folder / "manifest.json", dump_json(manifest))
    return open_corpus(folder).blocks("train", 8, seed=1)


def make_weights(folder: Path) -> Path:
    import torch

    from asi_repro.models.lm.config import AsiArchConfig
    from asi_repro.models.lm.model import AsiArchForCausalLM

    torch.manual_seed(0)
    config = AsiArchConfig(vocab_size=16, hidden_size=8, num_hidden_layers=1, num_heads=2, mixer="delta_net")
    AsiArchForCausalLM(config).save_pretrained(folder / "model")
    return folder / "model" / "model.safetensors"


def read_weights(folder: Path) -> Any:
    from asi_repro.models.lm.model import AsiArchForCausalLM

    return AsiArchForCausalLM.from_pretrained(folder / "model")


HEAVY = {
    "corpus manifest": Reader("json", make_corpus, read_corpus, heavy=True),
    "corpus shard": Reader(
        "bytes", lambda at: make_corpus(at).with_name("train-00000.arrow"), read_shard, heavy=True
    ),
    "weights": Reader("bytes", make_weights, read_weights, heavy=True),
}
