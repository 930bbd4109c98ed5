"""The command line: one Typer app, one verb a function, each imported only when it is called.

To add a verb, write a function with Typer annotations in `asi_repro/cli/<verb>.py` (a docstring is
its help, errors are raised as `AsiReproError`), and add its line to `COMMANDS`. A group of verbs
(`history open`) is a `typer.Typer()` instance in that module, registered in the same way.
"""

from __future__ import annotations

import gc
import os

import typer
from typer.completion import get_completion_inspect_parameters

from asi_repro import __version__
from asi_repro.cli.failures import end_on_sigterm, stdout_flushed
from asi_repro.cli.lazy import Lazy, LazyGroup

COMMANDS: dict[str, dict[str, Lazy]] = {
    "Make the data": {
        "pull": Lazy("asi_repro.cli.pull:pull", "Fetch the release; check every byte of it."),
        "archive": Lazy("asi_repro.cli.archive:archive", "Release to Parquet tables (stage archive)."),
        "history": Lazy("asi_repro.cli.history:app", "The run as a git repository: build it, open it."),
    },
    "Read the run": {
        "list": Lazy("asi_repro.cli.list:list_", "Experiments, filtered and sorted."),
        "show": Lazy("asi_repro.cli.show:show", "One experiment: facts, scores, motivation, program."),
        "lineage": Lazy("asi_repro.cli.lineage:lineage", "Ancestors, descendants or the whole tree."),
        "replay": Lazy("asi_repro.cli.replay:replay", "The run step by step, its policy audited."),
        "diff": Lazy("asi_repro.cli.diff:diff", "What changed between two programs."),
        "search": Lazy("asi_repro.cli.search:search", "Ranked search in names and texts."),
        "browse": Lazy("asi_repro.cli.browse:browse", "The terminal UI: lineage, experiments, traces."),
        "trace": Lazy("asi_repro.cli.trace:trace", "What the agents did in one experiment."),
        "cognition": Lazy("asi_repro.cli.cognition:app", "The cognition base: find, recall, add entries."),
    },
    "Check the programs": {
        "verify": Lazy("asi_repro.cli.verify:verify", "Run the checks on programs (stage verify)."),
        "certificate": Lazy("asi_repro.cli.certificate:certificate", "What the checks found."),
    },
    "Train and evaluate": {
        "corpus": Lazy("asi_repro.cli.corpus:corpus", "Text to shards of tokens (stage corpus)."),
        "benchmarks": Lazy("asi_repro.cli.benchmarks:benchmarks", "Benchmark items (stage benchmarks)."),
        "select": Lazy("asi_repro.cli.select:select", "Choose the models of train@ and evaluate@."),
        "train": Lazy("asi_repro.cli.train:train", "Train one model (stage train@NAME)."),
        "evaluate": Lazy("asi_repro.cli.evaluate:evaluate", "Score one model (stage evaluate@NAME)."),
        "sweep": Lazy("asi_repro.cli.sweep:sweep", "Train and evaluate all selected models in parallel."),
        "results": Lazy("asi_repro.cli.results:results", "Our models against DeltaNet, with intervals."),
        "harness": Lazy("asi_repro.cli.harness:harness", "lm-eval's own command with our models known."),
        "dvc": Lazy("asi_repro.cli.dvc:dvc", "DVC's own command where GitHub is out of reach."),
    },
    "Discover": {
        "discover": Lazy("asi_repro.cli.discover:discover", "The loop: live, replayed, control arm."),
        "runs": Lazy("asi_repro.cli.runs:runs", "The release, our own runs, the recorded ones."),
        "compare": Lazy("asi_repro.cli.compare:compare", "Two runs: discoveries per unit of compute."),
        "share": Lazy("asi_repro.cli.share:share", "A run of ours as one file for somebody else."),
    },
    "Check the paper": {
        "claims": Lazy("asi_repro.cli.claims:claims", "The paper's claims: verdicts and evidence."),
        "report": Lazy("asi_repro.cli.report:app", "Figures and pages (stage report)."),
    },
    "Check the files": {
        "provenance": Lazy("asi_repro.cli.provenance:provenance", "What a result was made from."),
        "fsck": Lazy("asi_repro.cli.fsck:fsck", "Check archive, history and pins, hash by hash."),
    },
    "Check the machine": {
        "plan": Lazy("asi_repro.cli.plan:plan", "What a sweep or a run would take on a cluster."),
        "doctor": Lazy("asi_repro.cli.doctor:doctor", "What this machine can do, and each gap's remedy."),
    },
}


class Root(LazyGroup):
    """`asi-repro` itself."""

    panels = COMMANDS
    version = f"asi-repro {__version__}"


app = typer.Typer(
    cls=Root,
    add_completion=False,  # the group adds it when it is asked for
    # Rich help and tracebacks would double the time of `--help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root() -> None:
    """Reproduce ASI-ARCH (arXiv 2507.18074): check its claims, rerun it, read its discovery run."""


def main() -> None:
    """The console script `asi-repro`: runs the app and ends the process with its exit status."""
    # A start-up makes many objects and no rubbish: looking for it every 700 would be a tenth of the time.
    gc.set_threshold(50_000, 20, 20)
    end_on_sigterm()
    with stdout_flushed():
        if "_ASI_REPRO_COMPLETE" in os.environ:
            get_completion_inspect_parameters()  # makes the shells known
        app(prog_name="asi-repro")
