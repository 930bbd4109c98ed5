"""Programs that attack. Each defines main(payload); `payload` names what to attack on this machine.

They go past the static check on purpose (the worker's `run` task executes them unread): here the wall is
tried, not the filter.
"""

from __future__ import annotations

from dataclasses import dataclass, field

_CTYPES = """
import ctypes, errno, os
def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(a) for a in arguments])
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
"""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        source: the program.
        kinds: outcomes that contain it and name it.
        says: a word that the outcome's detail, traceback or printed error must hold.
        limits: limits that differ from the tests' usual ones.
        timeout: wall seconds of the call.
    """

    source: str
    kinds: tuple[str, ...]
    says: str = ""
    limits: dict[str, float] = field(default_factory=dict)
    timeout: float = 10.0


DENIED = ("denied",)
# In a mount namespace what may not be seen is not there at all.
HIDDEN = ("denied", "program_error")

PROCESSES = {
    "fork bomb": Attack("import os\ndef main(p):\n    while True: os.fork()", DENIED, "not permitted"),
    "shell": Attack("import subprocess\ndef main(p): subprocess.run(['/bin/sh', '-c', 'id'])", DENIED),
    "exec in place": Attack("import os\ndef main(p): os.execv('/usr/bin/true', ['true'])", DENIED),
    "posix_spawn": Attack(
        "import os\ndef main(p): os.posix_spawn('/usr/bin/true', ['true'], {})", DENIED, "not permitted"
    ),
    "fork by raw system call": Attack(
        _CTYPES + "def main(p): return call(p['fork'], 17, 0, 0, 0, 0)", DENIED
    ),
    "background process": Attack(
        "import os, time\n"
        "def main(p):\n"
        "    if os.fork() == 0:\n        os.setsid(); time.sleep(600)\n"
        "    return 'left one behind'",
        DENIED,
    ),
    "thread bomb": Attack(
        "import threading, time\n"
        "def main(p):\n"
        "    threading.stack_size(65536)\n"
        "    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
        ("processes",),
        "thread",
    ),
    "memory run by itself": Attack(_CTYPES + "def main(p): return call(p['memfd_create'], 0, 0)", DENIED),
}

MEMORY = {
    "one block": Attack("def main(p): return len(bytearray(64 << 30))", ("memory",)),
    "many objects": Attack(
        "def main(p):\n    kept = []\n    while True: kept.append(bytes(1 << 20))", ("memory",)
    ),
    "shared anonymous maps": Attack(
        "import mmap\n"
        "def main(p):\n    kept = []\n"
        "    while True:\n        m = mmap.mmap(-1, 1 << 24); m.write(b'x' * (1 << 24)); kept.append(m)",
        ("memory",),
    ),
    "raising the limit first": Attack(
        "import resource\n"
        "def main(p):\n"
        "    try: resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)\n"
        "    except (ValueError, OSError): pass\n"
        "    return len(bytearray(4 << 30))",
        ("memory",),
    ),
}

TIME = {
    "infinite loop": Attack("def main(p):\n    while True: pass", ("timeout",), "0.5 s", {}, 0.5),
    "sleep": Attack("import time\ndef main(p): time.sleep(600)", ("timeout",), "0.5 s", {}, 0.5),
    "loop that ignores signals": Attack(
        "import signal\n"
        "def main(p):\n"
        "    for s in range(1, 65):\n"
        "        try: signal.signal(s, signal.SIG_IGN)\n"
        "        except (OSError, ValueError): pass\n"
        "    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "    while True: pass",
        ("timeout",),
        "",
        {},
        0.5,
    ),
    "processor time": Attack(
        "def main(p):\n    while True: pass", ("cpu",), "processor time", {"cpu_seconds": 0.5}, 20
    ),
    "threads that outlive the call's end": Attack(
        "import threading, time\n"
        "def spin():\n    while True: pass\n"
        "def main(p):\n"
        "    threading.Thread(target=spin).start()\n"
        "    raise SystemExit",
        ("program_error",),
        "SystemExit",
    ),
}

SECRETS = {
    "a file of the caller's": Attack("def main(p): return open(p['secret']).read()", HIDDEN, "Error"),
    "ssh keys": Attack("import os\ndef main(p): return os.listdir(p['home'] + '/.ssh')", HIDDEN, "Error"),
    "the caller's environment": Attack(
        "def main(p): return open('/proc/%d/environ' % p['parent']).read()", HIDDEN, "Error"
    ),
    "the caller's memory": Attack(
        "def main(p): return open('/proc/%d/mem' % p['parent'], 'rb').read(1)", HIDDEN, "Error"
    ),
    "password hashes": Attack("def main(p): return open('/etc/shadow').read()", HIDDEN, "Error"),
    "the repository's history": Attack(
        "import os\ndef main(p): return os.listdir(p['git'])", HIDDEN, "Error"
    ),
    "by way of a link": Attack(
        "import os\ndef main(p):\n    os.symlink(p['secret'], 'link')\n    return open('link').read()",
        HIDDEN,
        "Error",
    ),
    "the worker's own environment": Attack(
        "import os\ndef main(p): return sorted(os.environ.values()) + [open('/proc/self/environ').read()]",
        ("ok", *HIDDEN),
    ),
}

WRITING = {
    "a file outside": Attack("def main(p): open(p['outside'], 'w').write('x')", HIDDEN, "Error"),
    "the secret itself": Attack("def main(p): open(p['secret'], 'a').write('x')", HIDDEN, "Error"),
    "our package": Attack("def main(p): open(p['package'] + '/evil.py', 'w')", DENIED),
    "a program on the PATH": Attack("def main(p): open('/usr/local/bin/evil', 'w')", DENIED),
    "removing": Attack("import os\ndef main(p): os.unlink(p['secret'])", HIDDEN, "Error"),
    "shared memory": Attack("def main(p): open('/dev/shm/evil', 'wb').write(b'x')", HIDDEN, "Error"),
    "mounting": Attack(_CTYPES + "def main(p): return call(p['unshare'], 0x10020000)", DENIED),
}

NETWORK = {
    "internet socket": Attack("import socket\ndef main(p): socket.socket()", DENIED),
    "abstract unix socket": Attack(
        "import socket\ndef main(p): socket.socket(socket.AF_UNIX).connect('\\0' + p['abstract'])", DENIED
    ),
    "a pair of sockets": Attack("import socket\ndef main(p): socket.socketpair()", DENIED),
    "name lookup": Attack(
        "import urllib.request\ndef main(p): urllib.request.urlopen('http://localhost')", HIDDEN, "URLError"
    ),
}

OTHERS = {
    "kill the caller": Attack("import os\ndef main(p): os.kill(p['parent'], 9)", DENIED),
    "kill everything": Attack("import os\ndef main(p): os.kill(-1, 9)", DENIED),
    "kill the group": Attack("import os\ndef main(p): os.killpg(0, 9)", DENIED),
    "trace the caller": Attack(
        _CTYPES + "def main(p): return call(p['ptrace'], 16, p['parent'], 0, 0)", DENIED
    ),
    "read the caller's memory by call": Attack(
        _CTYPES + "def main(p): return call(p['process_vm_readv'], p['parent'], 0, 0, 0, 0, 0)", DENIED
    ),
    "outlive the caller": Attack(_CTYPES + "def main(p): return call(p['prctl'], 1, 0, 0, 0, 0)", DENIED),
    "signals by way of a file": Attack(
        "import fcntl, os\ndef main(p): fcntl.fcntl(os.open('f', os.O_CREAT | os.O_RDWR), 8, p['parent'])",
        DENIED,
    ),
}

OUTPUT = {
    "gigabytes of standard output": Attack(
        "import os\ndef main(p):\n    while True: os.write(1, b'x' * (1 << 20))", ("output_limit",), "printed"
    ),
    "gigabytes of standard error": Attack(
        "import sys\ndef main(p):\n    while True: sys.stderr.write('x' * (1 << 20))",
        ("output_limit",),
        "printed",
    ),
    "one huge file": Attack(
        "def main(p):\n    with open('big', 'wb') as f:\n        while True: f.write(b'x' * (1 << 20))",
        ("scratch_limit",),
    ),
    "many files": Attack(
        "def main(p):\n"
        "    for n in range(10**9):\n"
        "        with open('f%d' % n, 'wb') as f: f.write(b'x' * (1 << 19))",
        ("scratch_limit",),
    ),
    "many empty files": Attack(
        "import os\ndef main(p):\n    for n in range(10**9): os.close(os.open('e%d' % n, os.O_CREAT | os.O_RDWR))",
        ("scratch_limit", "memory"),
    ),
}

LEAVING = {
    "exit": Attack("import os\ndef main(p): os._exit(0)", ("killed",), "exit status 0"),
    "abort": Attack("import os\ndef main(p): os.abort()", ("killed",), "SIG"),
    "crash": Attack("import ctypes\ndef main(p): ctypes.string_at(0)", ("killed",), "SIGSEGV"),
    "exit politely": Attack("import sys\ndef main(p): sys.exit('bye')", ("program_error",), "SystemExit"),
    "closing every file": Attack(
        "import os\ndef main(p): os.closerange(0, 512)", ("killed",), "exit status 3"
    ),
    "closing every file, then hanging": Attack(
        "import os, time\ndef main(p):\n    os.closerange(0, 512)\n    time.sleep(600)",
        ("timeout", "killed"),
        "",
        {},
        0.5,
    ),
}

_EVERY_FILE = """
import os, time
def flood(data):
    for number in range(3, 64):
        try: os.write(number, data)
        except OSError: pass
    time.sleep(5)
"""

FRAMES = {
    "a length of four gigabytes": Attack(
        _EVERY_FILE + "def main(p): flood(b'\\xff' * 64)", ("bad_result",), "over the limit"
    ),
    "a frame that is not JSON": Attack(
        _EVERY_FILE + "def main(p): flood(b'\\0\\0\\0\\4oops')", ("bad_result",), "not JSON"
    ),
    "a frame of deep brackets": Attack(
        _EVERY_FILE + "def main(p): flood((99999).to_bytes(4, 'big') + b'[' * 99999)",
        ("bad_result",),
        "not JSON",
    ),
    "a reply to another call": Attack(
        _EVERY_FILE + "def main(p): flood(b'\\0\\0\\0\\x10' + b'{\"id\": 77777777}')", ("bad_result",), "id"
    ),
    "a kind only the caller may give": Attack(
        _EVERY_FILE
        + "import json\n"
        + "def main(p):\n"
        + "    body = json.dumps({'id': p['call'], 'kind': 'timeout'}).encode()\n"
        + "    flood(len(body).to_bytes(4, 'big') + body)",
        ("bad_result",),
        "kind",
    ),
    "half a frame": Attack(
        _EVERY_FILE + "def main(p):\n    time.sleep = lambda s: os._exit(0)\n    flood(b'\\0\\0\\1\\0ab')",
        ("killed",),
        "exit status 0",
    ),
    "a huge result": Attack("def main(p): return 'x' * (4 << 20)", ("bad_result",), "over the limit"),
    "a deep result": Attack(
        "def main(p):\n    x = []\n    for _ in range(10**5): x = [x]\n    return x",
        ("bad_result",),
        "not JSON",
    ),
    "not a number": Attack("def main(p): return float('nan')", ("bad_result",), "not JSON"),
    "an object": Attack("def main(p): return object()", ("bad_result",), "not JSON"),
    "half a letter": Attack("def main(p): return chr(0xd800)", ("bad_result",), "not JSON"),
}

HOSTILE_ERRORS = {
    "an error that cannot be shown": Attack(
        "class E(Exception):\n"
        "    def __str__(self): raise ValueError\n"
        "    __repr__ = __str__\n"
        "def main(p): raise E",
        ("program_error",),
    ),
    "an error of eight megabytes": Attack(
        "def main(p): raise ValueError('x' * (1 << 23))", ("program_error",)
    ),
    "an endless chain": Attack(
        "def main(p):\n    try: 1 / 0\n    except Exception as e:\n        e.__cause__ = e\n        raise",
        ("program_error",),
        "ZeroDivisionError",
    ),
    "endless recursion": Attack("def main(p): return main(p)", ("program_error",), "RecursionError"),
}

ALL: dict[str, Attack] = {
    f"{group}: {name}": attack
    for group, attacks in (
        ("processes", PROCESSES),
        ("memory", MEMORY),
        ("time", TIME),
        ("secrets", SECRETS),
        ("writing", WRITING),
        ("network", NETWORK),
        ("others", OTHERS),
        ("output", OUTPUT),
        ("leaving", LEAVING),
        ("frames", FRAMES),
        ("errors", HOSTILE_ERRORS),
    )
    for name, attack in attacks.items()
}

# Resource limits and the protocol hold without a sandbox too; files, network and processes do not.
WITHOUT_A_SANDBOX = {
    name: attack
    for name, attack in ALL.items()
    if name.split(":")[0] in ("memory", "time", "output", "leaving", "frames", "errors")
    and name not in ("memory: raising the limit first", "output: many empty files")
}
