"""`asi-repro verify`: checks on programs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.archive.nodes import is_imported
from asi_repro.archive.reader import Archive, Program
from asi_repro.cli.checked import file_format, the_choice
from asi_repro.cli.executors import ExecutorOption, the_executor
from asi_repro.cli.options import (
    ArchiveOption,
    CertificatesOption,
    ClassOption,
    JobsOption,
    JsonOption,
    SetOption,
    the_archive,
    the_certificates,
)
from asi_repro.cli.output import console, print_json, progress_bar, safe
from asi_repro.errors import AsiReproError
from asi_repro.executor.base import usable_cpus
from asi_repro.imports.mixers import is_token_mixer
from asi_repro.sandbox.launch import Tier
from asi_repro.sandbox.tiers import best_tier
from asi_repro.text import counted
from asi_repro.verify.certificate import read_certificates, summary
from asi_repro.verify.files import SECONDS, Checked, check_text, chosen_checks, is_program, programs_in
from asi_repro.verify.stage import Outcome, remove_orphans, write_made_from, write_metrics, write_timings
from asi_repro.verify.stage import verify as run_checks


def verify(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[INDEX|NAME|FILE|FOLDER|-]...",
            help="Architectures to check; or Python files with a mixer of yours, folders of them, or standard"
            " input.",
        ),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Check every architecture of the archive.")] = False,
    jobs: JobsOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run every check again, even if its result is up to date.")
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="Run without the sandbox, with resource limits only. The programs can read and send"
            " your files.",
        ),
    ] = False,
    only: Annotated[
        Optional[list[str]], typer.Option(metavar="CHECK", help="Of files: run only this check.")
    ] = None,
    skip: Annotated[
        Optional[list[str]], typer.Option(metavar="CHECK", help="Of files: leave this check out.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Of files: causality, batch and determinism only.")
    ] = False,
    class_: ClassOption = None,
    set_: SetOption = None,
    hidden_size: Annotated[
        Optional[int],
        typer.Option(min=1, help="Of files: width to probe at. The default is the first that runs."),
    ] = None,
    heads: Annotated[
        Optional[int], typer.Option(min=1, help="Of files: number of heads to probe with.")
    ] = None,
    parameters: Annotated[
        Optional[int],
        typer.Option(min=1, help="Of files: stated parameter count of the 340M model, to be compared."),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=1, help="Of files: seconds of processor time that one check may take.")
    ] = SECONDS,
    format_: Annotated[
        Optional[str],
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="Of files: table (the default), json, markdown, sarif or junit.",
        ),
    ] = None,
    executor: ExecutorOption = None,
    certificates: CertificatesOption = None,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Check programs, each in a sandbox, and write a certificate for each (stage `verify`).

    A program whose certificate is up to date is not checked again. If the command is interrupted, every
    finished certificate is kept. Certificates of files are printed and not kept. The exit status is 1 if a
    check of a file fails, and another one if a file cannot be checked.
    """
    files = [name for name in names or [] if is_program(name)]
    if files:
        show = file_format(format_, as_json=json_)
        choice = the_choice(class_, set_ or [], hidden_size, heads, parameters)
        checks = chosen_checks(only or (), skip or (), quick=quick)
        tier: Tier = "unsafe" if unsafe else best_tier()
        _check_files(
            names or [],
            files,
            show,
            partial(check_text, checks=checks, tier=tier, choice=choice, seconds=timeout),
        )
        return
    if only or skip or quick or class_ or set_ or hidden_size or heads or parameters or format_:
        raise AsiReproError(
            "--only, --skip, --quick, --class, --set, --hidden-size, --heads, --parameters and --format are"
            " for files",
            hint="asi-repro verify FILE --quick",
        )
    run = the_archive(archive)
    programs = _runnable(run, _chosen(run, names or [], everything=all_))
    folder = certificates or the_certificates(archive)
    where, needs = the_executor(executor, jobs, folder)
    with progress_bar() as bar:
        task = bar.add_task("checking programs", total=None)
        outcome = run_checks(
            programs,
            folder,
            jobs=jobs or usable_cpus(),
            unsafe=unsafe,
            force=force,
            progress=lambda name: bar.update(task, advance=1, description=safe(name)[:32]),
            planned=lambda count: bar.update(task, total=count),
            executor=where,
            resources=needs,
        )
    _finish(run, outcome, folder, everything=all_, json_=json_)


def _runnable(run: Archive, programs: list[Program]) -> list[Program]:
    """The programs that may be run: of an imported run the token mixers alone."""
    if not is_imported(run):
        return programs
    mixers = [program for program in programs if is_token_mixer(program.source)]
    if not mixers:
        raise AsiReproError(
            "none of these programs is a token mixer (a class derived from torch.nn.Module)",
            where=str(run.folder),
            hint="programs of other kinds are text here and are never run; `asi-repro fsck` checks the run",
        )
    if len(mixers) < len(programs):
        left = len(programs) - len(mixers)
        console(stderr=True).print(f"not run: {counted(left, 'program')} that are no token mixers")
    return mixers


def _check_files(
    names: list[str], files: list[str], show: Callable[[list[Checked]], None], check: Callable[..., Checked]
) -> None:
    """Print what the checks found; exit with status 1 where a row fails, another where one is stopped."""
    if others := sorted(set(names) - set(files)):
        raise AsiReproError(
            f"{others[0]!r} is no file", hint="check files and architectures one after another"
        )
    programs = list(dict.fromkeys(program for name in files for program in programs_in(name)))
    checked = []
    with progress_bar() as bar:
        task = bar.add_task("checking programs", total=len(programs))
        for where, text in programs:
            bar.update(task, description=safe(where)[-40:])
            checked.append(check(where, text))
            bar.advance(task)
    show(checked)
    problems = [one.problem for one in checked if one.problem is not None]
    for problem in problems[1:]:
        console(stderr=True).print(f"error: {problem}")
    if problems:
        raise problems[0]
    if any(one.failed for one in checked):
        raise typer.Exit(1)


def _chosen(run: Archive, names: list[str], *, everything: bool) -> list[Program]:

    if bool(names) == everything:
        raise AsiReproError(
            "name the architectures to check, or pass --all",
            hint="`asi-repro verify --all` checks every architecture",
        )
    if everything:
        return list(run.programs())
    indices = dict.fromkeys(run.find(name).index for name in names)
    return [run.program(index) for index in indices]


def _finish(run: Archive, outcome: Outcome, folder: Path, *, everything: bool, json_: bool) -> None:
    """Write the counts and timings beside the certificates, say what was done, fail if something did."""
    removed = remove_orphans(folder, (program.index for program in run.programs())) if everything else []
    if outcome.done or outcome.current:
        certificates = read_certificates(folder)
        counts = summary(certificates)
        # Git tracks the counts, which are of all programs; those of a few must not take their place.
        if everything or counts["architectures"] == sum(1 for _ in run.programs()):
            write_metrics(counts, folder)
        write_made_from(certificates, folder)
        write_timings(outcome.timings, folder)
        done = {"made": outcome.done, "already_there": outcome.current, "removed": len(removed)}
        if json_:
            print_json({"certificates": str(folder), **done, **counts})
        else:
            out = console()
            out.print(
                f"certificates: {outcome.done} made, {outcome.current} already there, "
                f"{len(removed)} removed; {folder}"
            )
            for row, verdicts in counts["rows"].items():
                cells = "  ".join(f"{n:>3} {verdict.replace('_', ' ')}" for verdict, n in verdicts.items())
                out.print(f"  {row:<26} {cells}")
    if outcome.failures:
        index, reason = min(outcome.failures.items())
        raise AsiReproError(
            f"not checked: {counted(len(outcome.failures), 'architecture')}. The first is {index}: {reason}",
            hint="run the command again: finished certificates are kept. `asi-repro doctor` tests "
            "the sandbox",
        )
