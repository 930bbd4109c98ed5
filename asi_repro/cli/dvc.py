"""`asi-repro dvc`: DVC's own command line, without cloning the repository of the release."""

from __future__ import annotations

import typer

dvc = typer.Typer(add_completion=False, rich_markup_mode=None)


@dvc.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def _dvc(context: typer.Context) -> None:
    """Run DVC's own command line without access to GitHub: `asi-repro dvc exp run …`."""
    from dvc.cli import main
    from dvc.dependency.repo import RepoDependency

    save = RepoDependency.save

    def keep(dependency: RepoDependency) -> None:
        # `dvc exp run` saves every import it depends on, and for that clones its repository, only to leave
        # the recorded commit as it is (treeverse/dvc#7990). A commit that is recorded needs no clone.
        if dependency.def_repo.get(dependency.PARAM_REV_LOCK) is None:
            save(dependency)

    RepoDependency.save = keep
    raise typer.Exit(main(context.args))
