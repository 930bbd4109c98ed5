"""What the agents did in one experiment."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from asi_repro.archive.reader import Archive
from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_json, print_result, print_utf8
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.errors import AsiReproError, DataError, MissingInput, NotFound
from asi_repro.imports.layout import ARCHIVE, is_import
from asi_repro.project import RELEASE, Project, archive_of, find_project, how_to_finish, run_folders
from asi_repro.store.files import atomic_write
from asi_repro.store.generated_folder import keep_folder
from asi_repro.store.json_text import JsonDict
from asi_repro.text import counted, terminal_safe
from asi_repro.traces.columns import COLUMNS
from asi_repro.traces.note import trace_note
from asi_repro.traces.openinference import flatten
from asi_repro.traces.spans import read_jsonl

_JSON_COLUMNS = [name for name, _, _, holds in COLUMNS if holds.startswith("JSON")]


def trace(
    index: Annotated[
        Optional[int], typer.Argument(metavar="[INDEX]", help="Index of the experiment.", min=0)
    ] = None,
    run: Annotated[
        Optional[str],
        typer.Option(metavar="NAME", help="Name of the run. Required if traces/ contains several."),
    ] = None,
    file: Annotated[
        Optional[Path],
        typer.Option(metavar="FILE", help="Read traces from this Parquet file or trace.jsonl instead."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Show prompts and answers in full.")] = False,
    json_: JsonOption = False,
    notes: Annotated[
        Optional[Path],
        typer.Option(
            metavar="DIR",
            help="Write the whole run as linked Markdown notes, one per experiment, for Obsidian and others. "
            "The default run is the release.",
        ),
    ] = None,
    otlp: Annotated[
        Optional[Path],
        typer.Option(
            metavar="FILE",
            help="Write the trace for Phoenix and other OpenTelemetry viewers: as JSON if FILE ends "
            "in .json, otherwise as protobuf.",
        ),
    ] = None,
) -> None:
    """Show what the agents did in one experiment: prompts, reasoning, tool calls, tokens and cost.

    Runs of this project's own loop have traces. Of an imported run, what its system recorded is shown. The
    paper's release has none, but --notes works on any run. Notes that you edit or add are kept when the
    command is repeated.
    """
    if notes is not None:
        if index is not None or file is not None or otlp is not None:
            raise AsiReproError(
                "--notes writes a whole run and cannot be combined with INDEX, --file or --otlp"
            )
        _write_notes(run or RELEASE, notes, json_=json_)
        return
    if index is None:
        raise NotFound("no experiment was named", hint="give its index, or --notes DIR for the whole run")
    imported = None if file is not None else _imported(run)
    if imported is not None:
        path, records = imported, _imported_spans(imported, index)
    else:
        path = file or _traces_of(run)
        records = _read(path, str(index))
    if not records:
        raise NotFound(
            f"experiment {index} has no trace",
            where=str(path),
            hint=_without_record(run) if imported is not None else _sessions_hint(path),
        )
    try:
        if otlp is not None:
            _export(records, run or path.stem, otlp)
        if json_:
            print_json([_decoded(record) for record in records])
        elif otlp is None:
            _print_note(records, full=full)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        # The columns are of the right types; what the JSON in them holds is another matter.
        raise DataError(
            f"a span of experiment {index} is malformed: {type(error).__name__}: {error}",
            where=str(path),
            hint="write the run's traces again",
        ) from error


def _write_notes(run: str, folder: Path, *, json_: bool) -> None:
    from asi_repro.archive.notes import MANIFEST, by_experiment, read_run_traces, run_notes

    project = find_project()
    archive = Archive(archive_of(project, run))
    if (imported := _imported(run)) is not None:
        traces = by_experiment(_imported_spans(imported))
    else:
        traces = read_run_traces(project.root / "traces" / f"{run}.parquet") if run != RELEASE else {}
    kept = keep_folder(folder, run_notes(archive, f"The run {run}", traces), MANIFEST)
    text = f"{counted(kept.written, 'note')} written, {kept.unchanged} unchanged, {kept.removed} removed"
    edited = f"; {kept.edited} that were edited are left alone" if kept.edited else ""
    print_result(
        {"folder": str(folder), **asdict(kept)}, f"{text}{edited}\nopen {folder}/index.md", as_json=json_
    )


def _imported(run: str | None) -> Path | None:
    """The folder of an imported run of that name."""
    folder = run_folders(find_project()).get(run) if run is not None else None
    return folder if folder is not None and is_import(folder) else None


def _imported_spans(folder: Path, index: int | None = None) -> list[JsonDict]:
    from asi_repro.imports.spans import imported_spans

    return imported_spans(Archive(folder / ARCHIVE), index)


def _without_record(run: str | None) -> str:
    return f"no record describes it; `asi-repro list status:ghost --run {run}` lists such experiments"


def _traces_of(run: str | None) -> Path:
    project = find_project()
    folder = project.root / "traces"
    if run is not None and not (folder / f"{run}.parquet").is_file():
        _write_traces(project, run)
    found = {path.stem: path for path in sorted(folder.glob("*.parquet"))}
    if run is not None and run not in found and run in run_folders(project):
        raise MissingInput(
            f"the run {run!r} has no traces yet", where=str(folder), hint=how_to_finish(project, run)
        )
    if not found:
        raise MissingInput(
            "there are no traces: the paper's release has none, and there is no run of your own here",
            where=str(folder),
            hint="run `asi-repro discover` or `dvc repro embedded`, or name an imported run with --run",
        )
    if run is None and len(found) == 1:
        return next(iter(found.values()))
    if run not in found:
        said = "several runs have traces" if run is None else f"there are no traces of a run called {run!r}"
        raise NotFound(said, where=str(folder), hint=f"choose one with --run: {', '.join(found)}")
    return found[run]


def _write_traces(project: Project, name: str) -> None:
    """Of a run that came without them: its commits hold the spans. `dvc pull` gives such a run."""
    from asi_repro.discover.run.traces import write_run_traces

    run = run_folders(project).get(name)
    if run is None or not (run / "run.git").is_dir():
        return

    write_run_traces(DiscoveryRun(run), project.root)


def _read(path: Path, session: str) -> list[JsonDict]:
    if path.suffix != ".jsonl":
        from asi_repro.traces.parquet import read_traces

        return read_traces(path, session)

    return flatten(row for row in read_jsonl(path) if row["session"] == session)


def _sessions_hint(path: Path) -> str:
    if path.suffix == ".jsonl":
        return "give the index of the experiment that the file belongs to"

    from asi_repro.traces.parquet import read_sessions

    found = read_sessions(path)
    more = f" and {len(found) - 20} more" if len(found) > 20 else ""
    return f"experiments with a trace: {', '.join(found[:20]) or 'none'}{more}"


def _export(records: list[JsonDict], run: str, path: Path) -> None:
    from asi_repro.traces.otlp import otlp_bytes, otlp_json, to_otlp

    request = to_otlp(records, run)
    atomic_write(path, otlp_json(request) if path.suffix == ".json" else otlp_bytes(request))


def _print_note(records: list[JsonDict], *, full: bool) -> None:

    note = terminal_safe(trace_note(records, full=full))
    out = console()
    if not out.is_terminal:
        print_utf8(note)
        return
    from rich.markdown import Markdown

    # Links would carry an address from outside into the terminal's own link escape.
    out.print(Markdown(note, code_theme="ansi_dark", hyperlinks=False))


def _decoded(record: JsonDict) -> dict[str, Any]:

    return {
        name: json.loads(value) if name in _JSON_COLUMNS and value is not None else value
        for name, value in record.items()
    }
