"""`asi-repro harness`: lm-eval's own command line."""

from __future__ import annotations

import sys

import typer

harness = typer.Typer(add_completion=False, rich_markup_mode=None)


@harness.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def _harness(context: typer.Context) -> None:
    """Run lm-eval's own command line with our models and tasks registered: `asi-repro harness ls tasks`."""
    import asi_repro.evaluate.hooks  # noqa: F401  (registers the model)

    from lm_eval.__main__ import cli_evaluate  # isort: skip

    sys.argv = ["lm_eval", *context.args]
    cli_evaluate()
