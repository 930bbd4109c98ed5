"""The tier that shows a GPU: which nodes, which requests to them, what stays closed, what is said without any.

There is no GPU here, so other device nodes stand in for NVIDIA's: the kernel's filters treat them alike.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from asi_repro.sandbox import gpu, landlock, seccomp
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.outcome import Limits, SandboxFailure, SandboxUnavailable
from asi_repro.sandbox.tiers import gpu_tier, probe_tier

TASKS = "asi_repro.sandbox.selftest"
NODE = "/dev/full"
needs_bubblewrap = pytest.mark.skipif(
    not probe_tier("bubblewrap").works, reason="bubblewrap does not work here"
)
# One of the driver's requests, three of its memory manager's; then what a program might try with them.
OF_NVIDIA = (0xC020462A, 0x25, 0x30000001, 0x30000002)
OF_OTHERS = {"push into a terminal": 0x5412, "make a virtual machine": 0xAE01, "a loop device": 0x4C80}
LOOK = """
import errno, fcntl, os
def main(p):
    handle = os.open(p['node'], os.O_RDWR)
    answers = {}
    for request in p['requests']:
        try:
            fcntl.ioctl(handle, request, bytes(64))
        except OSError as error:
            answers[hex(request)] = errno.errorcode[error.errno]
    return answers
"""


def answers(node: str, requests: tuple[int, ...], **options: object) -> set[str]:
    with SandboxWorker(TASKS, **options) as worker:  # type: ignore[arg-type]
        found = worker.call("run", {"source": LOOK, "node": node, "requests": list(requests)})
    return set(found["returned"].values())


@needs_bubblewrap
def test_the_drivers_requests_reach_its_nodes_and_no_other_file() -> None:
    """ENOTTY is the device's own answer: both filters let the request through."""
    assert answers(NODE, OF_NVIDIA, tier="gpu", devices=(NODE,)) == {"ENOTTY"}
    # Without a right to control it Landlock refuses (ABI 5 and later), without the GPU's filter seccomp.
    if landlock.abi() >= 5:
        assert answers("/dev/null", OF_NVIDIA, tier="gpu", devices=(NODE,)) == {"EACCES"}
    assert answers("/dev/null", OF_NVIDIA, tier="bubblewrap") == {"EPERM"}


@needs_bubblewrap
def test_other_requests_are_refused() -> None:
    assert answers(NODE, tuple(OF_OTHERS.values()), tier="gpu", devices=(NODE,)) == {"EPERM"}


@needs_bubblewrap
def test_only_the_named_nodes_are_there() -> None:
    look = {"source": "import os\ndef main(p): return sorted(os.listdir('/dev'))"}
    with SandboxWorker(TASKS, tier="gpu", devices=(NODE, "/dev/random")) as worker:
        assert worker.call("run", look)["returned"] == ["full", "null", "random", "urandom", "zero"]
    with SandboxWorker(TASKS, tier="bubblewrap", devices=(NODE,)) as worker:
        assert worker.call("run", look)["returned"] == ["null", "urandom", "zero"]


@needs_bubblewrap
@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes device nodes")
def test_nodes_by_their_own_names_and_who_may_open_them(tmp_path: Path) -> None:
    """A node that strangers may not open is named before a program starts; one that they may is shown."""
    node = tmp_path / "nvidia0"
    try:
        os.mknod(node, stat.S_IFCHR, os.makedev(1, 7))
        node.chmod(0o660)
    except OSError:
        pytest.skip("no device nodes can be made here")
    with pytest.raises(SandboxUnavailable, match=r"nvidia0 may not be read and written .* \(mode 660\)"):
        SandboxWorker(TASKS, tier="gpu", devices=(str(node),)).start()
    node.chmod(0o666)
    assert answers(str(node), OF_NVIDIA, tier="gpu", devices=(str(node),)) == {"ENOTTY"}


def test_what_is_no_node_is_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("")
    with pytest.raises(SandboxUnavailable) as caught:
        SandboxWorker(TASKS, tier="gpu", devices=("/dev/no-such-gpu", str(plain))).start()
    assert "/dev/no-such-gpu does not exist" in caught.value.what
    assert f"{plain} is not a device" in caught.value.what
    with pytest.raises(SandboxUnavailable, match="no device node was named"):
        SandboxWorker(TASKS, tier="gpu", devices=()).start()


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there are NVIDIA's nodes here")
def test_without_a_gpu_every_missing_node_is_named() -> None:
    with pytest.raises(SandboxUnavailable) as caught:
        gpu_tier()
    for node in ("/dev/nvidia0", "/dev/nvidiactl", "/dev/nvidia-uvm"):
        assert f"{node} does not exist" in caught.value.what
    probe = probe_tier("gpu")
    assert not probe.works
    assert probe.detail.startswith("not run")


@needs_bubblewrap
def test_cuda_that_does_not_start_says_so() -> None:
    """The nodes are there, but they are no GPU's."""
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is CUDA here")
    with pytest.raises(SandboxFailure, match="torch finds no CUDA device inside the sandbox"):
        SandboxWorker(
            TASKS, Limits(memory_bytes=4 << 30), tier="gpu", devices=(NODE,), preload=(gpu.START,)
        ).start()


@needs_bubblewrap
def test_a_reservation_of_addresses_is_no_memory() -> None:
    """CUDA reserves more addresses than there is memory; memory itself stays bounded."""
    reserve = "import mmap\ndef main(p): return len(mmap.mmap(-1, 1 << 40, prot=0, flags=mmap.MAP_PRIVATE))"
    take = "def main(p):\n    kept = []\n    while True: kept.append(bytearray(1 << 24))"
    limits = Limits(memory_bytes=128 << 20)
    with SandboxWorker(TASKS, limits, tier="gpu", devices=(NODE,)) as worker:
        assert worker.call("run", {"source": reserve}) == {"returned": 1 << 40}
        assert worker.try_call("run", {"source": take}).kind == "memory"
    with SandboxWorker(TASKS, limits, tier="bubblewrap") as worker:
        assert worker.try_call("run", {"source": reserve}).kind == "memory"


@needs_bubblewrap
def test_the_drivers_folder_and_one_gpu_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "libcuda.so.1").write_bytes(b"")
    tmp_path.chmod(0o755)
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/nowhere:{tmp_path}")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    look = "import os\ndef main(p): return [os.path.exists(p['library']), dict(os.environ)]"
    with SandboxWorker(TASKS, tier="gpu", devices=(NODE,)) as worker:
        call = {"source": look, "library": str(tmp_path / "libcuda.so.1")}
        there, environment = worker.call("run", call)["returned"]
    assert there
    assert environment["LD_LIBRARY_PATH"] == str(tmp_path)
    assert environment["CUDA_VISIBLE_DEVICES"] == "3"
    assert json.dumps(environment).count("PYTEST") == 0


@pytest.mark.skipif(not seccomp.supported(), reason="no system call table for this machine")
def test_without_a_gpu_the_filter_is_as_before() -> None:
    """The filter of the other tiers knows nothing of the driver's requests."""
    plain, with_gpu = seccomp.build_filter(7), seccomp.build_filter(7, gpu=True)
    for request in (0x4600, 0x30000001):
        packed = request.to_bytes(4, "little")
        assert packed not in [plain[start + 4 : start + 8] for start in range(0, len(plain), 8)]
        assert packed in [with_gpu[start + 4 : start + 8] for start in range(0, len(with_gpu), 8)]
