"""Checkouts with this project's own dvc.yaml: one that has outputs, and strangers' clones of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from outputs import PUBLISHED, STAGES, write_outputs
from s3_server import BUCKET, KEYS, Bucket

ROOT = Path(__file__).resolve().parents[2]
CARRIED = (
    "dvc.yaml",
    "params.yaml",
    "constraints.txt",
    ".dvc/config",
    ".dvcignore",
    "artifacts/selection.yaml",
    "artifacts/.gitignore",
)
REMOTE = "mine"


@dataclass(frozen=True)
class Checkout:
    """A git checkout in which DVC's command line runs.

    Attributes:
        folder: of the checkout.
        home: what DVC keeps beside it, so that nothing of this user's is read or written.
        environment: address and keys of the server.
    """

    folder: Path
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "dvc", *words]

    def variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DVC_"))}
        own = {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(self.home / "site")}
        # The stages' commands are those of this environment, with the checkout's code.
        own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own["PYTHONPATH"] = str(self.folder)
        return {**kept, **own, "DVC_GLOBAL_CONFIG_DIR": str(self.home / "config"), **KEYS, **self.environment}

    def dvc(self, *words: str, fails: bool = False) -> str:
        """What `dvc WORDS` says; it must succeed, or fail where that is what is looked for."""
        return self.run(*self.command(*words), fails=fails)

    def pull(self, *targets: str) -> None:
        """`dvc pull` of one after the other: DVC 3.67 leaves some out where it is given all at once."""
        for target in targets:
            self.dvc("pull", target)

    def repro(self, *words: str) -> str:
        """What `asi-repro WORDS` says; it must succeed."""
        return self.run(sys.executable, "-m", "asi_repro.cli", *words)

    def run(self, *command: str, fails: bool = False) -> str:
        ran = subprocess.run(command, cwd=self.folder, env=self.variables(), capture_output=True, text=True)
        said = ran.stdout + ran.stderr
        assert (ran.returncode != 0) == fails, said
        return said

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.command(*words), cwd=self.folder, env=self.variables(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def git(self, *words: str) -> str:
        name = ["-c", "user.name=x", "-c", "user.email=x@example.invalid"]
        return subprocess.run(
            ["git", *name, *words], cwd=self.folder, check=True, capture_output=True, text=True
        ).stdout

    def add_remote(self, url: str) -> None:
        """What the commands of docs/how-to/storage.md leave in .dvc/config."""
        path = self.folder / ".dvc" / "config"
        text = f"['remote \"{REMOTE}\"']\n    url = {url}\n    verify = true\n"
        path.write_text(path.read_text().replace("[core]\n", f"[core]\n    remote = {REMOTE}\n") + text)
        self.git("commit", "--quiet", "--all", "--message", "Name the remote")

    def clone(self, folder: Path) -> Checkout:
        """A stranger's clone, with nothing of this one's cache."""
        subprocess.run(["git", "clone", "--quiet", str(self.folder), str(folder)], check=True)
        return Checkout(folder, folder.with_name(f"{folder.name}-home"), self.environment)


@dataclass(frozen=True)
class Interrupted:
    """What a killed push left.

    Attributes:
        owner: who pushed.
        status: of the killed process.
        keys: objects that arrived.
    """

    owner: Checkout
    status: int
    keys: list[str]


def new_checkout(folder: Path, address: str) -> Checkout:
    """A checkout with this project's pipeline and code, and no output."""
    folder.mkdir(parents=True)
    for name in CARRIED:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "asi_repro", folder / "asi_repro", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("__pycache__/\n/traces\n/.dvc/tmp\n/.dvc/cache\n/.dvc/config.local\n")
    made = Checkout(folder, folder.with_name(f"{folder.name}-home"), {"AWS_ENDPOINT_URL": address})
    made.git("init", "--quiet")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Code")
    return made


def checkout_with_outputs(folder: Path, bucket: Bucket, prefix: str) -> Checkout:
    """A checkout with outputs of every kind, locked by DVC, and a remote in the bucket that holds nothing yet."""
    made = new_checkout(folder, bucket.address)
    write_outputs(folder)
    made.dvc("commit", "--force", *STAGES)
    made.dvc("add", *PUBLISHED)
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "Outputs")
    made.add_remote(f"s3://{BUCKET}/{prefix}")
    return made


def killed_push(owner: Checkout, bucket: Bucket) -> int:
    """`dvc push` under kill -9, with some objects there and others on their way; its exit status."""
    bucket.gate.shut(after=20)
    process = owner.start("push")
    try:
        assert bucket.gate.reached.wait(120), "it pushed nothing"
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait(30)
    finally:
        bucket.gate.open()
