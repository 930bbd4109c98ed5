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
    "Begin": {
        "status": Lazy("asi_repro.cli.status:status", "Show what is there, what is stale and what is next."),
        "demo": Lazy("asi_repro.cli.demo:demo", "Browse a small recorded run; nothing is downloaded."),
    },
    "Make the data": {
        "pull": Lazy("asi_repro.cli.pull:pull", "Download the release and verify every checksum."),
        "import": Lazy("asi_repro.cli.import_:import_", "Import a run of another discovery system."),
        "archive": Lazy(
            "asi_repro.cli.archive:archive", "Convert the release to Parquet tables (stage archive)."
        ),
        "history": Lazy("asi_repro.cli.history:app", "Build or open the run as a Git repository."),
    },
    "Read the run": {
        "list": Lazy("asi_repro.cli.list:list_", "List experiments, filtered and sorted."),
        "show": Lazy("asi_repro.cli.show:show", "Show one experiment: scores, motivation, program."),
        "lineage": Lazy("asi_repro.cli.lineage:lineage", "Show an experiment's ancestors and descendants."),
        "replay": Lazy("asi_repro.cli.replay:replay", "Step through a run and audit its selection policy."),
        "diff": Lazy("asi_repro.cli.diff:diff", "Show what changed between two programs."),
        "search": Lazy("asi_repro.cli.search:search", "Search names, summaries and motivations."),
        "browse": Lazy("asi_repro.cli.browse:browse", "Open the terminal user interface."),
        "trace": Lazy("asi_repro.cli.trace:trace", "Show what the agents did in one experiment."),
        "cognition": Lazy("asi_repro.cli.cognition:app", "Search or extend the cognition base."),
    },
    "Check the programs": {
        "verify": Lazy("asi_repro.cli.verify:verify", "Check programs in a sandbox (stage verify)."),
        "certificate": Lazy("asi_repro.cli.certificate:certificate", "Show what the checks found."),
    },
    "Train and evaluate": {
        "corpus": Lazy("asi_repro.cli.corpus:corpus", "Tokenise the training text (stage corpus)."),
        "benchmarks": Lazy(
            "asi_repro.cli.benchmarks:benchmarks", "Prepare the benchmark items (stage benchmarks)."
        ),
        "select": Lazy("asi_repro.cli.select:select", "Choose which models to train and evaluate."),
        "train": Lazy("asi_repro.cli.train:train", "Train one model (stage train@NAME)."),
        "evaluate": Lazy(
            "asi_repro.cli.evaluate:evaluate", "Evaluate one trained model (stage evaluate@NAME)."
        ),
        "sweep": Lazy("asi_repro.cli.sweep:sweep", "Train and evaluate all selected models in parallel."),
        "probes": Lazy("asi_repro.cli.probes:probes", "Probe what models can learn (stage probes)."),
        "results": Lazy("asi_repro.cli.results:results", "Compare the trained models with DeltaNet."),
        "harness": Lazy("asi_repro.cli.harness:harness", "Run lm-eval's own command line on our models."),
        "dvc": Lazy("asi_repro.cli.dvc:dvc", "Run DVC without access to GitHub."),
    },
    "Discover": {
        "discover": Lazy("asi_repro.cli.discover:discover", "Run the discovery loop, live or from a record."),
        "retest": Lazy("asi_repro.cli.retest:retest", "Train a run's winners again with fresh seeds."),
        "runs": Lazy("asi_repro.cli.runs:runs", "List the runs on this machine."),
        "compare": Lazy("asi_repro.cli.compare:compare", "Compare runs at equal budgets and beside luck."),
        "calibrate": Lazy(
            "asi_repro.cli.calibrate:calibrate", "Compare the Judge's scores with measured outcomes."
        ),
        "ablate": Lazy("asi_repro.cli.ablate:ablate", "Measure what each part of the loop contributes."),
        "export": Lazy("asi_repro.cli.export:export", "Write the files that an imported run was made from."),
        "share": Lazy("asi_repro.cli.share:share", "Export a run as one file for others to import."),
    },
    "Check the paper": {
        "claims": Lazy("asi_repro.cli.claims:claims", "Show verdicts and evidence for the paper's claims."),
        "facts": Lazy("asi_repro.cli.facts:facts", "Show what the data say beyond the papers (stage facts)."),
        "report": Lazy("asi_repro.cli.report:app", "Build or open the report (stage report)."),
    },
    "Check the files": {
        "provenance": Lazy("asi_repro.cli.provenance:provenance", "Show what a result was made from."),
        "fsck": Lazy("asi_repro.cli.fsck:fsck", "Check that files match their recorded hashes."),
    },
    "Check the machine": {
        "plan": Lazy("asi_repro.cli.plan:plan", "Estimate the cost of a sweep or run on a cluster."),
        "doctor": Lazy(
            "asi_repro.cli.doctor:doctor", "Check what this machine can run and how to fix the rest."
        ),
    },
}


class Root(LazyGroup):
    """`asi-repro` itself."""

    panels = COMMANDS
    default = "status"
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
