"""Small outputs of the stages, in the places that dvc.yaml names."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from asi_repro.store.files import sha256_bytes

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "discover"))

STAGES = ("archive", "history", "discover")
# What was measured is no output of a stage: whoever publishes it adds a copy, as the guide says.
TRAINED = "artifacts/published/delta_net"
PUBLISHED = (TRAINED, "artifacts/published/certificates")
OUTPUTS = (
    "artifacts/archive",
    "artifacts/history.bundle",
    "artifacts/recorded/control/archive",
    "artifacts/recorded/control/run.git",
    "artifacts/recorded/control/discoveries.json",
    *PUBLISHED,
)
INPUTS = ("artifacts/release", "artifacts/corpus")
"""What a stranger pulls or makes with other commands."""


def write_outputs(root: Path) -> None:
    """Everything that the stages of STAGES read and leave, made up but in the real formats."""
    release_and_archive(root / "artifacts")
    certificate(root / "artifacts" / "published")
    recorded_run(root)
    trained(root / TRAINED)
    corpus = root / "artifacts" / "corpus" / "manifest.json"
    corpus.parent.mkdir(parents=True)
    corpus.write_text("{}\n")


def release_and_archive(artifacts: Path) -> None:
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.history.writing import write_history
    from asi_repro.archive.reader import Archive
    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    write_synthetic_release(artifacts / "release", 30, gallery=4)
    write_archive(read_release(artifacts / "release"), artifacts / "archive")
    write_history(Archive(artifacts / "archive"), artifacts / "history.bundle")


def certificate(folder: Path) -> None:
    from asi_repro.verify.certificate import Certificate, in_order, write_certificate
    from asi_repro.verify.results import at_most

    row = at_most("runs_fp32", 0.5, 1.0, unit="s", method="Timed.", detail={})
    made = Certificate(
        7, "mixer", "Mixer", "0" * 64, 5, {"torch": "2", "tier": "landlock"}, {"width": 8}, {"runs": "k"},
        in_order([row]),
    )  # fmt: skip
    write_certificate(made, folder / "certificates")


def recorded_run(root: Path) -> None:
    """A run of the fake team, as the recorded run lies in the project."""
    from fake_team import begin, do_all, fake_job

    from asi_repro.discover.run.archive import write_run_archive
    from asi_repro.discover.run.discoveries import write_discoveries
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.recorded import commit_lines

    folder = root / "artifacts" / "recorded" / "control"
    begin(folder)
    do_all(fake_job(folder, experiments=4))
    run = DiscoveryRun(folder)
    write_run_archive(run)
    write_discoveries(run, root)
    (folder / "commits.txt").write_text("\n".join(commit_lines(run)) + "\n")
    (folder / "rejected").mkdir(exist_ok=True)
    for name in ("journal", "locks"):
        shutil.rmtree(folder / name, ignore_errors=True)


def trained(folder: Path) -> None:
    """A trained model: weights, result, curve."""
    import numpy as np
    from safetensors.numpy import save

    from asi_repro.results.training import CURVE, RESULT, Point, TrainingResult, write_curve, write_json

    weights = save({"model.embeddings.weight": np.arange(64, dtype=np.float32)})
    seed = folder / "seed-0"
    (seed / "model").mkdir(parents=True)
    (seed / "model" / "model.safetensors").write_bytes(weights)
    result = TrainingResult(
        name="delta_net", title="DeltaNet", index=None, program_sha256=None, scale="smoke", seed=0, key="0" * 64,
        identity={"recipe": {"steps": 2}, "corpus": "0"}, status="completed", stop=None, leak_guard=False, steps=2,
        tokens=20, parameters=5, flops_per_token=30.0, flops=600.0, final_loss=5.0, last_tenth_loss=5.0,
        auxiliary_loss=None, unsaved_state=[], weights_sha256=sha256_bytes(weights),
    )  # fmt: skip
    write_json(result, seed / RESULT)
    point = Point(
        step=1, tokens=10, loss=6.0, mean_loss=None, learning_rate=0.1, grad_norm=1.0, auxiliary_loss=None
    )
    write_curve([point], seed / CURVE)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, or the file itself, with its bytes."""
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): path.read_bytes() for path in files if path.name != "environment.json"
    }
