"""Ways out of the sandbox, each really tried: every program does what it says outside, and cannot inside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.sandbox import syscalls
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.outcome import EndReason
from codeslm_lsp.sandbox.workshop import Workshop
from tests.support.sandboxes import offered

OPENING = """
import ctypes, json, os, signal, socket, subprocess, sys
from pathlib import Path
libc = ctypes.CDLL(None, use_errno=True)
w = json.loads(sys.argv[1])
def must(done):
    if not done:
        raise SystemExit("refused")
"""
CLOSING = '\nprint("done")\n'

ESCAPES = {
    "tcp": 'socket.create_connection(("127.0.0.1", w["port"]), 2)',
    "udp": "s = socket.socket(type=socket.SOCK_DGRAM); s.settimeout(0.5)\n"
    's.sendto(b"?", ("127.0.0.1", w["udp"])); s.recv(9)',
    "abstract socket": 'socket.socket(socket.AF_UNIX).connect("\\0" + w["abstract"])',
    "unix socket": 'socket.socket(socket.AF_UNIX).connect(w["socket"])',
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "read a key": 'must("PRIVATE" in Path(w["key"]).read_text())',
    "read by a link": 'os.symlink(w["key"], w["link"]); must("PRIVATE" in Path(w["link"]).read_text())',
    "read by dots": 'must("PRIVATE" in Path("../../../../../../../.." + w["key"]).read_text())',
    "read by the parent's root": "must(Path(f\"/proc/{os.getppid()}/root{w['key']}\").exists())",
    "list a folder": 'os.listdir(w["folder"])',
    "read our own code": 'Path(w["code"]).read_text()',
    "read the host's users": 'must("root" in Path("/etc/passwd").read_text())',
    "write outside": 'Path(w["folder"], "new").write_text("x")',
    "change a file outside": 'Path(w["key"]).write_text("PRIVATE x")',
    "remove a file outside": 'Path(w["spare"]).unlink()',
    "write into the environment": 'p = Path(sys.prefix, w["mark"]); p.write_text("x"); p.unlink()',
    "write into Python": 'p = Path(os.__file__).with_name(w["mark"]); p.write_text("x"); p.unlink()',
    "signal a process": 'os.kill(w["pid"], 0)',
    "see a process": 'must(str(w["pid"]) in os.listdir("/proc"))',
    "see the parent's files": 'os.readlink(f"/proc/{os.getppid()}/fd/1")',
    "see the parent's variables": 'Path(f"/proc/{os.getppid()}/environ").read_bytes()',
    "see a token": 'must("PLANTED_TOKEN" in os.environ)',
    "see a token of a relative": 'must(any(b"PLANTED_TOKEN" in Path(f"/proc/{pid}/environ").read_bytes() '
    "for pid in (os.getpid(), os.getppid())))",
    "trace": "must(libc.ptrace(0, 0, None, None) == 0)",
    "read memory": 'must(libc.syscall(*map(ctypes.c_long, (w["process_vm_readv"], os.getpid(), 0, 0, 0, 0, 0))) == 0)',
    "new namespaces": "must(libc.unshare(0x10000000) == 0)",
    "new namespaces by clone": 'c = libc.syscall(*map(ctypes.c_long, (w["clone"], 0x10000000 | 17, 0, 0, 0, 0)))\n'
    "if c == 0: os._exit(0)\n"
    "must(c > 0); os.waitpid(c, 0)",
    "mount": 'must(libc.unshare(0x10020000) == 0 and libc.mount(b"x", b"/", None, 0x44000, None) == 0 '
    'and libc.mount(b"x", b"/mnt", b"tmpfs", 0, None) == 0)',
    "keys": 'must(libc.syscall(w["keyctl"], 0, -3, 1) > 0)',
    "memory that is not counted": 'os.memfd_create("x")',
}
"""What is tried, as Python that ends well only if it works."""

FORBIDDEN = {
    "become root": "os.setuid(0)",
    "mount at once": 'must(libc.mount(b"x", b"/tmp", b"tmpfs", 0, None) == 0)',
    "make it writable": 'must(libc.mount(None, b"/usr", None, 0x1020, None) == 0)',
    "unmount": 'must(libc.umount2(b"/proc", 2) == 0)',
    "change the root": 'os.chroot("/tmp")',
    "make a device": 'os.mknod("disk", 0o60600, os.makedev(254, 0))',
    "set the kernel": 'os.open("/proc/sys/kernel/core_pattern", os.O_WRONLY)',
    "write to the root": 'Path("/new").write_text("x")',
    "write to devices": 'Path("/dev/new").write_text("x")',
    "write to etc": 'Path("/etc/new").write_text("x")',
    "kill the first process": "os.kill(1, signal.SIGKILL); import time; time.sleep(0.1); raise SystemExit(1)",
    "look into the first process": 'open("/proc/1/mem", "rb+")',
    "more processes": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 40, 1 << 40))",
    "reach anybody": 'socket.create_connection(("192.0.2.1", 80), 2)',
    "ask for a name": 'socket.getaddrinfo("example.org", 80)',
    "have capabilities": 'must("CapEff:\\t0000000000000000" not in Path("/proc/self/status").read_text())',
    "be root by a program": 'must(subprocess.run(["su", "-c", "true"], stdin=subprocess.DEVNULL).returncode == 0)',
    "open the keyboard": 'open("/dev/tty")',
}
"""What would harm if it worked outside, so that it is only tried inside."""


@pytest.fixture(params=offered(), ids=lambda mechanism: mechanism.name.replace(" ", "_"))
def mechanism(request: pytest.FixtureRequest) -> Mechanism:
    found: Mechanism = request.param
    return found


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """What there is to reach outside: sockets that answer, private files, a process, a token."""
    monkeypatch.setenv("PLANTED_TOKEN", "PRIVATE")
    column = list(syscalls.AUDIT_ARCHES).index(os.uname().machine)
    mark = f"mark-{uuid.uuid4().hex}"
    (tmp_path / ".ssh").mkdir()
    key = tmp_path / ".ssh" / "id_rsa"
    key.write_text("PRIVATE KEY")
    (tmp_path / "spare").write_text("x")
    tcp = socket.create_server(("127.0.0.1", 0))
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    threading.Thread(target=_echo, args=(udp,), daemon=True).start()
    abstract, named = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
    abstract.bind(f"\0{mark}")
    place = Path("/tmp", mark)  # A Unix socket's path has to be short.
    named.bind(str(place))
    for each in (abstract, named):
        each.listen()
    process = subprocess.Popen(["sleep", "600"])
    try:
        yield {
            "port": tcp.getsockname()[1],
            "udp": udp.getsockname()[1],
            "abstract": mark,
            "socket": str(place),
            "key": str(key),
            "spare": str(tmp_path / "spare"),
            "link": str(Path("/tmp", f"{mark}-link")),
            "folder": str(tmp_path),
            "code": syscalls.__file__,
            "mark": mark,
            "pid": process.pid,
            "clone": syscalls.CLONE[column],
            "keyctl": syscalls.REFUSED["keyctl"][column],
            "process_vm_readv": syscalls.REFUSED["process_vm_readv"][column],
        }
    finally:
        process.kill()
        process.wait()
        udp.sendto(b"", udp.getsockname())
        for each in (tcp, abstract, named):
            each.close()
        place.unlink()
        Path("/tmp", f"{mark}-link").unlink(missing_ok=True)


def _echo(udp: socket.socket) -> None:
    with udp:
        while True:
            said, sender = udp.recvfrom(9)
            if not said:
                return
            udp.sendto(said, sender)


@pytest.mark.parametrize("program", ESCAPES.values(), ids=ESCAPES.keys())
async def test_an_escape_fails(program: str, mechanism: Mechanism, world: dict[str, Any]) -> None:
    whole = OPENING + program + CLOSING
    _check_outside(whole, world)
    before = _files(Path(world["folder"]))
    async with Workshop({"try.py": whole}, mechanism=mechanism) as workshop:
        inside = await workshop.run([sys.executable, "try.py", json.dumps(world)])
    assert inside.ended is EndReason.EXITED
    assert inside.exit_code == 1, inside
    assert inside.stdout == b""
    assert _files(Path(world["folder"])) == before


@pytest.mark.parametrize("program", FORBIDDEN.values(), ids=FORBIDDEN.keys())
async def test_what_would_harm_fails(program: str, mechanism: Mechanism) -> None:
    async with Workshop({"try.py": OPENING + program + CLOSING}, mechanism=mechanism) as workshop:
        inside = await workshop.run([sys.executable, "try.py", "{}"])
    assert (inside.ended, inside.exit_code, inside.stdout) == (EndReason.EXITED, 1, b"")


async def test_nothing_but_what_is_needed_can_be_seen(mechanism: Mechanism) -> None:
    program = """
import os
from pathlib import Path
for folder, folders, names in os.walk("/"):
    folders[:] = [name for name in folders if not os.path.ismount(Path(folder, name))]
    for name in names:
        print(Path(folder, name))
print(*os.environ)
"""
    async with Workshop({"a.py": program, "b/c.txt": b"\xff"}, mechanism=mechanism) as workshop:
        outcome = await workshop.run([sys.executable, "a.py"])
    *files, variables = outcome.stdout.decode().splitlines()
    # Whatever else there is lies in a mount of its own, or is the mount point of a single file.
    allowed = {"passwd", "group", "hosts", "nsswitch.conf", "ld.so.cache", "localtime", "inside.py"}
    assert {Path(file).name for file in files} <= allowed
    assert set(variables.split()) <= {"PATH", "LANG", "HOME", "PYTHONDONTWRITEBYTECODE", "LC_CTYPE"}


async def test_a_file_of_the_same_name_outside_is_not_touched(mechanism: Mechanism) -> None:
    name = Path("/tmp", f"mark-{uuid.uuid4().hex}")
    async with Workshop({}, mechanism=mechanism) as workshop:
        outcome = await workshop.run(["sh", "-c", f"echo x > {name} && cat {name}"])
    assert outcome.stdout == b"x\n"
    assert not name.exists()


async def test_the_runtime_folder_of_engines_is_not_there(
    mechanism: Mechanism, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "codeslm").mkdir()
    own = Path("/tmp", f"codeslm-{os.getuid()}")
    async with Workshop({}, mechanism=mechanism) as workshop:
        outcome = await workshop.run(["ls", str(tmp_path), str(own), "/run/user", os.environ["XDG_RUNTIME_DIR"]])
    assert outcome.exit_code == 2
    assert outcome.stdout == b""


def _check_outside(program: str, world: dict[str, Any]) -> None:
    """It works without a sandbox; what it did is undone."""
    command = [sys.executable, "-c", program, json.dumps(world)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", f"it does nothing outside either: {done.stderr}"
    Path(world["link"]).unlink(missing_ok=True)
    Path(world["spare"]).write_text("x")
    Path(world["folder"], "new").unlink(missing_ok=True)


def _files(folder: Path) -> dict[str, str]:
    return {str(path): path.read_text() for path in folder.rglob("*") if path.is_file()}
