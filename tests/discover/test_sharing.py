"""A run as one file: to a path, to a server that speaks S3 and back; what is damaged or hostile is refused."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.recorded import commit_lines
from asi_repro.discover.run.sharing import receive_run, share_run
from asi_repro.discover.run.traces import write_run_traces
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.project import Project
from asi_repro.traces.parquet import read_sessions


@pytest.fixture
def run(whole, tmp_path):
    shutil.copytree(whole[0].folder, tmp_path / "runs" / "mine")
    return DiscoveryRun(tmp_path / "runs" / "mine")


@pytest.fixture
def there(tmp_path):
    (tmp_path / "there").mkdir()
    return Project(tmp_path / "there")


@pytest.fixture(scope="module")
def s3():
    """A server that speaks S3 on this machine, with one bucket; its address."""
    server_module = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    patch = pytest.MonkeyPatch()
    patch.setenv("AWS_ACCESS_KEY_ID", "test")
    patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    client = boto3.client("s3")
    client.create_bucket(Bucket="runs")
    yield client
    server.stop()
    patch.undo()


def git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    ran = subprocess.run(
        ["git", f"--git-dir={folder}", *arguments], input=data, capture_output=True, check=True
    )
    return ran.stdout.decode().strip()


def bundle(folder: Path, path: Path) -> Path:
    git(folder, "bundle", "create", "--quiet", str(path), "--all")
    return path


def test_a_run_goes_to_a_file_and_comes_back_the_same(run, there, tmp_path):
    shared = share_run(run, str(tmp_path / "out" / "mine.bundle"))
    file = tmp_path / "out" / "mine.bundle"
    assert shared.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert shared.bytes == file.stat().st_size
    assert [path.name for path in file.parent.iterdir()] == ["mine.bundle"]
    got = receive_run(there, str(file), sha256=shared.sha256)
    assert got.folder == there.artifacts / "runs" / "mine"
    assert commit_lines(got) == commit_lines(run)
    assert [path.name for path in got.folder.parent.iterdir()] == ["mine"]
    for name in ("settings.json", "lab.jsonl"):
        assert (got.folder / name).read_bytes() == (run.folder / name).read_bytes()
    write_run_traces(run, tmp_path)
    assert read_sessions(there.root / "traces/mine.parquet") == read_sessions(
        tmp_path / "traces/mine.parquet"
    )
    write_run_archive(run)
    for table in (run.folder / "archive").iterdir():
        if table.name != "sources.parquet":
            assert (got.folder / "archive" / table.name).read_bytes() == table.read_bytes()


def test_the_same_run_gives_the_same_file_again(run, tmp_path):
    first, second = (share_run(run, str(tmp_path / f"{n}.bundle")) for n in (1, 2))
    assert first.sha256 == second.sha256


def test_to_a_server_that_speaks_s3_and_back(run, there, s3):
    shared = share_run(run, "s3://runs/team/mine.bundle")
    listed = s3.list_objects_v2(Bucket="runs")["Contents"]
    assert [(one["Key"], one["Size"]) for one in listed] == [("team/mine.bundle", shared.bytes)]
    got = receive_run(there, "s3://runs/team/mine.bundle", name="theirs", sha256=shared.sha256)
    assert commit_lines(got) == commit_lines(run)


def test_an_object_that_was_changed_there_is_refused(run, there, s3):
    shared = share_run(run, "s3://runs/changed.bundle")
    data = bytearray(s3.get_object(Bucket="runs", Key="changed.bundle")["Body"].read())
    data[len(data) // 2] ^= 1
    s3.put_object(Bucket="runs", Key="changed.bundle", Body=bytes(data))
    with pytest.raises(DataError, match="SHA-256 is"):
        receive_run(there, "s3://runs/changed.bundle", sha256=shared.sha256)
    with pytest.raises(DataError, match="damaged"):  # git sees it without being told the hash
        receive_run(there, "s3://runs/changed.bundle")
    assert list((there.artifacts / "runs").iterdir()) == []


@pytest.mark.parametrize("place", ["s3://runs/absent.bundle", "s3://no-such-bucket/x.bundle"])
def test_what_is_not_there(there, s3, place):
    with pytest.raises((MissingInput, AsiReproError), match=r"no such file|cannot be reached"):
        receive_run(there, place)
    assert list((there.artifacts / "runs").iterdir()) == []


def test_a_file_that_was_cut_off(run, there, tmp_path):
    path = tmp_path / "mine.bundle"
    share_run(run, str(path))
    whole = path.read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            receive_run(there, str(path))
    path.write_bytes(whole)
    receive_run(there, str(path))
    with pytest.raises(AsiReproError, match="there is already a run named mine"):
        receive_run(there, str(path))


def hostile_tree(run, name: str, mode: str = "100644") -> None:
    """Add a file to the run's record, as somebody could who shares one."""
    store = run.store.folder
    ref = git(store, "for-each-ref", "--format=%(refname)", "refs/asi-repro/record/")
    blob = git(store, "hash-object", "-w", "--stdin", data=b"/etc/passwd")
    listed = git(store, "ls-tree", ref)
    tree = git(store, "mktree", data=f"{listed}\n{mode} blob {blob}\t{name}\n".encode())
    commit = subprocess.run(
        ["git", f"--git-dir={store}", "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", tree, "-m", "x"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    git(store, "update-ref", ref, commit)


@pytest.mark.parametrize(
    ("name", "mode"), [("evil.py", "100644"), ("lab.jsonl.x", "100644"), ("rejected-0000001.json", "120000")]
)
def test_a_record_with_a_file_that_no_run_has(run, there, tmp_path, name, mode):
    share_run(run, str(tmp_path / "first.bundle"))
    hostile_tree(run, name, mode)
    with pytest.raises(DataError, match="a file that no run has"):
        receive_run(there, str(bundle(run.store.folder, tmp_path / "bad.bundle")))
    assert list((there.artifacts / "runs").iterdir()) == []


def test_a_ref_or_a_commit_that_the_record_does_not_list(run, there, tmp_path):
    share_run(run, str(tmp_path / "first.bundle"))
    store = run.store.folder
    first = git(store, "for-each-ref", "--format=%(objectname)", "--count=1", "refs/experiments/")
    git(store, "update-ref", "refs/experiments/0000999", first)
    with pytest.raises(DataError, match="not those listed in its record"):
        receive_run(there, str(bundle(store, tmp_path / "more.bundle")))
    git(store, "update-ref", "refs/experiments/latest", first)
    with pytest.raises(DataError, match="a ref that no run has"):
        receive_run(there, str(bundle(store, tmp_path / "odd.bundle")))


def test_a_bundle_that_is_no_run(there, tmp_path):
    store = tmp_path / "other.git"
    subprocess.run(["git", "init", "--quiet", "--bare", str(store)], check=True)
    blob = git(store, "hash-object", "-w", "--stdin", data=b"x")
    tree = git(store, "mktree", data=f"100644 blob {blob}\tx\n".encode())
    commit = subprocess.run(
        ["git", f"--git-dir={store}", "-c", "user.name=x", "-c", "user.email=x@x", "commit-tree", tree, "-m", "x"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    git(store, "update-ref", "refs/heads/main", commit)
    with pytest.raises(DataError):
        receive_run(there, str(bundle(store, tmp_path / "other.bundle")))


def test_an_empty_run_is_not_shared(run, tmp_path):
    from fake_team import begin

    with pytest.raises(MissingInput, match="no experiments yet"):
        share_run(begin(tmp_path / "empty"), str(tmp_path / "empty.bundle"))
    assert not (tmp_path / "empty.bundle").exists()


@pytest.mark.parametrize("place", ["/proc/none/x.bundle", "gopher://example.invalid/x"])
def test_a_place_that_cannot_be_written(run, place):
    with pytest.raises(AsiReproError):
        share_run(run, place)
