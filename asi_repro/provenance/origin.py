"""What a file of artifacts/ was made from: its provenance.json, its run's settings, its stage in dvc.lock."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Optional

from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.plain_yaml import plain_yaml
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.provenance.record import PROVENANCE, read_provenance
from asi_repro.store.json_text import JsonDict

# What made each kind of result: the modules whose closure its hash of code is over.
MAKERS = {
    "training": "asi_repro.train.run",
    "scores": "asi_repro.evaluate.trained",
    "certificates": "asi_repro.verify.examiner",
    "run": "asi_repro.discover",
}
_SETTINGS, _LOCK = "settings.json", "dvc.lock"
# In a run's `made_with`, beside the versions of libraries.
_NO_LIBRARY = ("code", "machine", "python", "asi-repro")


@dataclass(frozen=True)
class Origin:
    """What a result was made from. A field that is None was not recorded.

    Attributes:
        path: the result, relative to the project.
        kind: training, scores, certificates, run, stage (of dvc.yaml) or import (a pinned release).
        programs: SHA-256 by name.
        data: hashes by name or path.
        settings: every setting recorded.
        seed: of its draws.
        versions: of libraries.
        code: a hash of this package's code, or the hashes of files of a stage.
        sandbox: the tier that programs ran in.
        machine: what is recorded of the machine.
        changed: what is different here and now, so that the result would be made again.
    """

    path: str
    kind: str
    programs: dict[str, str] = field(default_factory=dict)
    data: JsonDict = field(default_factory=dict)
    settings: JsonDict = field(default_factory=dict)
    seed: Optional[int] = None
    versions: dict[str, str] = field(default_factory=dict)
    code: Any = None
    sandbox: Optional[str] = None
    machine: Optional[str] = None
    changed: tuple[str, ...] = ()

    def to_json(self) -> JsonDict:
        """As JSON has it."""
        return {**asdict(self), "changed": list(self.changed)}


def find_origin(path: Path, root: Path) -> Origin:
    """What the file or folder at `path` was made from.

    Args:
        path: below the project.
        root: of the project.

    Raises:
        MissingInput: where there is nothing at `path`.
        NotFound: where nothing records it.
        DataError: where the record is damaged.
    """
    path, root = path.resolve(), root.resolve()
    if not path.exists():
        raise MissingInput("there is nothing", where=str(path))
    if root not in path.parents:
        raise NotFound(f"{path} is not in this project", hint=f"name something below {root / 'artifacts'}")
    name = path.relative_to(root).as_posix()
    for folder in (path, *path.parents):
        if folder == root:
            break
        if (folder / PROVENANCE).is_file():
            return _measured(path, folder, name)
        if (folder / _SETTINGS).is_file():
            return _run(folder, name)
    for found in (*_pinned(path, root, name), *_staged(path, root, name)):
        return found
    raise NotFound(
        f"nothing records what {name} was made from",
        hint=f"a single model lies in artifacts/trained/SCALE/NAME/seed-N; stages are in {_LOCK}",
    )


def _measured(path: Path, folder: Path, name: str) -> Origin:
    made = read_provenance(folder)
    beside: JsonDict = {}
    for other in ("environment.json", "evaluation.json", *([path.name] if path.suffix == ".json" else [])):
        beside |= _json(folder / other) if (folder / other).is_file() else {}
    environment = beside.get("environment", {})
    tier = beside.get("sandbox") or (environment.get("sandbox") if isinstance(environment, dict) else None)
    programs = made.programs
    if path.stem in programs:
        programs = {path.stem: programs[path.stem]}
    hardware = [made.machine, *(str(beside[key]) for key in ("hardware", "platform") if beside.get(key))]
    return Origin(
        name,
        made.kind,
        programs,
        made.data,
        made.settings,
        made.seed,
        made.versions,
        made.code,
        None if tier is None else str(tier),
        ", ".join(hardware),
        _changed(made.kind, made.code, made.versions),
    )


def _run(folder: Path, name: str) -> Origin:
    settings = _json(folder / _SETTINGS)
    made = settings.get("made_with")
    if not isinstance(made, dict):
        raise DataError("these are not the settings of a run", where=str(folder / _SETTINGS))
    versions = {key: str(value) for key, value in made.items() if key not in _NO_LIBRARY}
    stages = {stage: settings.get(stage) or {} for stage in ("exploration", "verification")}
    return Origin(
        name,
        "run",
        data={stage: {key: said.get(key) for key in ("corpus", "tasks")} for stage, said in stages.items()},
        settings={key: value for key, value in settings.items() if key not in ("made_with", "seed", "sum")},
        seed=settings.get("seed"),
        versions=versions,
        code=made.get("code"),
        machine=made.get("machine"),
        changed=_changed("run", made.get("code"), versions),
    )


def _pinned(path: Path, root: Path, name: str) -> Iterator[Origin]:
    for place in (path, *path.parents):
        pin = place if place.suffix == ".dvc" else place.with_name(f"{place.name}.dvc")
        if place != root and pin.is_file():
            content = _yaml(pin)
            repo = (content.get("deps") or [{}])[0].get("repo", {})
            hashes = {str(out.get("path")): out.get("md5") for out in content.get("outs") or []}
            yield Origin(name, "import", data=hashes, settings={"repository": dict(repo)})
        if place == root:
            return


def _staged(path: Path, root: Path, name: str) -> Iterator[Origin]:
    lock = _yaml(root / _LOCK) if (root / _LOCK).is_file() else {}
    for stage, entry in (lock.get("stages") or {}).items():
        outs = [str(out["path"]) for out in entry.get("outs", [])]
        if not any(name == out or name.startswith(f"{out}/") or out.startswith(f"{name}/") for out in outs):
            continue
        hashes = {str(dep["path"]): dep.get("md5") for dep in entry.get("deps", [])}
        code = {file: md5 for file, md5 in hashes.items() if file.startswith("asi_repro") or "/" not in file}
        params = entry.get("params", {}).get("params.yaml", {})
        yield Origin(
            name,
            "stage",
            data={file: md5 for file, md5 in hashes.items() if file not in code},
            settings={"stage": stage, "command": entry.get("cmd"), **params},
            seed=params.get("seed"),
            code=code,
        )


def _changed(kind: str, code: object, versions: dict[str, str]) -> tuple[str, ...]:
    maker = MAKERS[kind]
    here = library_versions(maker, also=("accelerate", "einops"))
    other = [f"{name} {versions[name]} -> {here[name]}" for name in sorted(versions) if name in here]
    changed = [text for text in other if text.split(" ")[1] != text.split(" ")[3]]
    return (*(["code"] if code != code_sha256(maker) else []), *changed)


def _json(path: Path) -> JsonDict:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError("not JSON", where=str(path)) from error
    if not isinstance(content, dict):
        raise DataError("not a JSON object", where=str(path))
    return content


def _yaml(path: Path) -> JsonDict:
    content = plain_yaml(path.read_bytes(), where=str(path))
    if not isinstance(content, dict):
        raise DataError("not a YAML mapping", where=str(path))
    return content
