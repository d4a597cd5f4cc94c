"""The first process of a sandbox: lays out the copy of the project, starts the command behind the last walls, watches.

A script that imports nothing of codeslm. Its standard input is a socket, over which it hears one JSON line of what to
do and says how it went. When it ends, for whatever reason, the kernel ends every other process of the sandbox at once
(``pid_namespaces(7)``). It watches from the inside because here it sees nobody else's processes, and is quick.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import resource
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

POLL_S = 0.02
"""Between two looks at what the processes hold: a look takes 30 µs for each, so that is less than 1 % of a core."""

NICENESS = 10
"""The tested program gives way to the editor and the engine, and cannot starve the one that watches it."""

ADDRESS_SPACE = 2
"""A process may map so many times the memory that all may hold: stacks, arenas and libraries are mapped whole."""

KERNELS_SHARE = 4
"""The kernel's own limit is so many times as high: who grows too much is seen and ended before it fails to grow."""

OWN_COUNT_SINCE = (5, 14)
"""Before this Linux ``RLIMIT_NPROC`` counts all processes of the user, also outside. It never holds for root."""

PR_SET_DUMPABLE, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_NO_NEW_PRIVS = 4, 22, 2, 38

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """From the socket's first line to the end of the sandbox."""
    control = socket.socket(fileno=os.dup(0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    # Nobody inside may look into this process, or at what it has open.
    prctl(PR_SET_DUMPABLE, 0)
    with control.makefile("rb") as lines:
        line = lines.readline()
    if not line.endswith(b"\n"):
        os._exit(1)  # Whoever wanted it has gone.
    job = json.loads(line)
    lay_out(job["project"], job["folders"], job["files"])
    command = os.fork()
    if command == 0:
        become(job)
    for fd in (1, 2):
        os.dup2(null, fd)
    say(control, started=True)
    say(control, **watch(control, command, job["limits"], job["room"]))
    os._exit(0)


def lay_out(project: str, folders: list[str], files: dict[str, str]) -> None:
    """Write the copy, whose names ``names`` has checked."""
    for folder in (project, *folders):
        Path(folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = Path(project, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(base64.b64decode(content))


def become(job: dict[str, Any]) -> NoReturn:
    """Turn into the command, with less and less that may be done."""
    try:
        os.setsid()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores these, and what it starts would too.
        os.nice(NICENESS)
        os.chdir(job["project"])
        limit(job["limits"])
        prctl(PR_SET_NO_NEW_PRIVS, 1)
        load_filter(base64.b64decode(job["filter"]))
        os.execvpe(job["command"][0], job["command"], job["environment"])
    except OSError as error:
        os.write(2, f"{job['command'][0]}: {error.strerror}\n".encode(errors="replace"))
    finally:
        os._exit(127)


def limit(limits: dict[str, Any]) -> None:
    """What the kernel itself refuses to each process (``getrlimit(2)``)."""
    values = {
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_AS: limits["memory_bytes"] * ADDRESS_SPACE,
        resource.RLIMIT_FSIZE: limits["file_bytes"],
        resource.RLIMIT_NOFILE: limits["n_open_files"],
        # Not 0: that would still hand the core to a program such as systemd-coredump. 1 does not (fs/coredump.c).
        resource.RLIMIT_CORE: 1,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    version = tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])
    if version >= OWN_COUNT_SINCE:
        values[resource.RLIMIT_NPROC] = limits["n_processes"] * KERNELS_SHARE
    for name, value in values.items():
        hard = resource.getrlimit(name)[1]
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # At the soft limit of processor time comes SIGXCPU, which says why it ends, and a second later SIGKILL.
        ends_at = allowed + 1 if name == resource.RLIMIT_CPU and allowed != hard else allowed
        resource.setrlimit(name, (allowed, ends_at))


def load_filter(program: bytes) -> None:
    """Have the kernel ask this program about every system call from now on. Raises ``OSError``."""
    code = ctypes.create_string_buffer(program, len(program))

    class Program(ctypes.Structure):
        """``struct sock_fprog``."""

        _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]

    whole = Program(len(program) // 8, ctypes.addressof(code))
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(whole))


def watch(control: socket.socket, command: int, limits: dict[str, Any], room: str) -> dict[str, Any]:
    """Until the command ends or somebody takes too much: how it ended. Ends itself when nobody wants it any more."""
    ended = os.pidfd_open(command)
    while True:
        ready, _, _ = select.select([control.fileno(), ended], [], [], POLL_S)
        if control.fileno() in ready:
            os._exit(1)
        status = reap(command)
        if status is not None:
            return {"ended": "exited", "exit_code": os.waitstatus_to_exitcode(status)}
        if reason := excess(limits, room):
            return {"ended": reason}


def reap(command: int) -> int | None:
    """Bury who has ended, as a first process has to; the command's status if it was among them."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return found
        if pid == 0:
            return found
        if pid == command:
            found = status


def excess(limits: dict[str, Any], room: str) -> str | None:
    """What there is too much of."""
    pids = [path.name for path in Path("/proc").iterdir() if path.name.isdigit() and path.name != "1"]
    if len(pids) > limits["n_processes"]:
        return "processes"
    n_tasks = n_bytes = 0
    for pid in pids:
        status = figures(pid)
        n_tasks += status.get("Threads", 0)
        n_bytes += (status.get("VmRSS", 0) + status.get("VmSwap", 0)) * 1024
    if n_tasks > limits["n_processes"]:
        return "processes"
    if n_bytes > limits["memory_bytes"]:
        return "memory"
    files = os.statvfs(room)
    return "files" if files.f_files - files.f_ffree > limits["n_files"] else None


def figures(pid: str) -> dict[str, int]:
    """The numbers of ``/proc/PID/status`` (``proc(5)``; memory in KiB); none when the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().decode(errors="replace").splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name in ("Threads", "VmRSS", "VmSwap"):
            found[name] = int(value.split()[0])
    return found


def say(control: socket.socket, **report: Any) -> None:
    """Tell how it goes, if somebody still wants to know."""
    try:
        control.sendall(json.dumps(report).encode() + b"\n")
    except OSError:
        os._exit(1)


def prctl(option: int, *values: int) -> None:
    """``prctl(2)``, whose arguments are all as wide as a pointer. Raises ``OSError``."""
    if _libc.prctl(option, *map(ctypes.c_ulong, (*values, 0, 0, 0, 0)[:4])) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    try:
        main()
    except OSError as error:
        os.write(2, f"{error}\n".encode(errors="replace"))
        sys.exit(1)
