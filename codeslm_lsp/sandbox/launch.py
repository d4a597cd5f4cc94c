"""Bubblewrap's place where there is none: ``launch.py OPTIONS -- COMMAND`` runs a command in namespaces of its own.

Takes the few of bubblewrap's options that ``mounts`` gives. A script that imports nothing of codeslm. Calls and flags:
``unshare(2)``, ``mount(2)``, ``mount_setattr(2)`` (Linux 5.12), ``pivot_root(2)``, ``user_namespaces(7)``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import signal
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

NAMESPACES = 0x7E020000
"""``CLONE_NEWNS``, ``…CGROUP``, ``…UTS``, ``…IPC``, ``…USER``, ``…PID`` and ``…NET`` (``linux/sched.h``)."""

USER = 1000
"""Who we are inside, as in ``etc/passwd``: nobody special, so that a new program has no capabilities."""

PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
MOUNT_SETATTR = 442
AT_RECURSIVE, AT_FDCWD = 0x8000, -100
ATTR_RDONLY, ATTR_NOSUID, ATTR_NODEV, ATTR_NOEXEC = 1, 2, 4, 8
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Become the parent of the sandbox's first process; end with it, and it with us."""
    end_with_parent()
    options, command = split(sys.argv[1:])
    unshare()
    null = os.open("/dev/null", os.O_RDWR)  # Now: the root changes for both of us.
    child = os.fork()
    if child == 0:
        end_with_parent()
        raise_loopback()
        socket.sethostname("sandbox")
        build(options)
        drop_privileges()
        os.execve(command[0], command, {})
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    _, status = os.waitpid(child, 0)
    sys.exit(min(1, status))


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and behind ``--``."""
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def end_with_parent() -> None:
    """Be killed when the parent is. Should it have been just now: the socket that the first process reads is closed."""
    _check(_prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")


def unshare() -> None:
    """Enter new namespaces, as ``USER`` of the new user namespace."""
    uid, gid = os.getuid(), os.getgid()
    _check(_libc.unshare(NAMESPACES), "New namespaces")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{USER} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{USER} {gid} 1")


def raise_loopback() -> None:
    """Let programs inside talk to each other over 127.0.0.1: the new network has nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14x", b"lo", 0)
        name, flags = struct.unpack("16sH14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, request))
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", name, flags | IFF_UP))


def build(options: list[str]) -> None:
    """Make the root that the options describe, and leave the old one for good."""
    # Nothing that is mounted here is to be seen outside.
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755")
    for name in ("old", "new"):
        Path("/tmp", name).mkdir()
    pivot_root("/tmp", "/tmp/old")
    os.chdir("/")
    mount("tmpfs", "/new", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    # "--remount-ro /" is bubblewrap's way to say it of the root.
    perform(options)
    _check(_libc.umount2(b"/old", MNT_DETACH), "umount")
    os.chdir("/new")
    pivot_root(".", ".")
    _check(_libc.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def perform(options: list[str]) -> None:
    """Follow the options in order, in ``/new``, with what was the root at ``/old``."""
    size = "100%"
    words = iter(options)
    for word in words:
        if word == "--size":
            size = next(words)
        elif word == "--tmpfs":
            mount("tmpfs", _folder(words), "tmpfs", MS_NOSUID | MS_NODEV, f"mode=755,size={size}")
        elif word == "--proc":
            mount("proc", _folder(words), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
        elif word == "--symlink":
            target, place = next(words), Path(f"/new{next(words)}")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(target)
        elif word == "--ro-bind":
            restrict(_bound(words), ATTR_RDONLY | ATTR_NOSUID | ATTR_NODEV, AT_RECURSIVE)
        elif word == "--dev-bind":
            restrict(_bound(words), ATTR_NOSUID | ATTR_NOEXEC, 0)
        elif word == "--remount-ro":
            restrict(f"/new{next(words)}", ATTR_RDONLY, 0)
        else:
            raise ValueError(f"unknown option {word}")


def mount(source: str, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """``mount(2)``. Raises ``OSError``."""
    filesystem = kind.encode() if kind is not None else None
    done = _libc.mount(os.fsencode(source), os.fsencode(target), filesystem, ctypes.c_ulong(flags), data.encode())
    _check(done, f"mount {source} at {target}")


def restrict(target: str, attributes: int, flags: int) -> None:
    """``mount_setattr(2)``: set attributes of a mount, and with ``AT_RECURSIVE`` of all mounts in it."""
    wanted = struct.pack("=QQQQ", attributes, 0, 0, 0)
    path = os.fsencode(target)
    done = _libc.syscall(MOUNT_SETATTR, AT_FDCWD, path, flags, wanted, ctypes.c_size_t(len(wanted)))
    _check(done, f"mount_setattr {target}")


def pivot_root(new: str, old: str) -> None:
    """``pivot_root(2)``, which the C library does not have."""
    _check(_libc.syscall(PIVOT_ROOT[platform.machine()], os.fsencode(new), os.fsencode(old)), "pivot_root")


def drop_privileges() -> None:
    """Have no way back to the capabilities that the next ``execve`` takes away."""
    for capability in range(64):
        if _prctl(PR_CAPBSET_DROP, capability) != 0:
            break  # It has no more.
    _check(_prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl")


def _prctl(option: int, value: int) -> int:
    """``prctl(2)``, whose arguments are all as wide as a pointer."""
    return int(_libc.prctl(option, *map(ctypes.c_ulong, (value, 0, 0, 0))))


def _folder(words: Iterator[str]) -> str:
    place = Path(f"/new{next(words)}")
    place.mkdir(parents=True, exist_ok=True)
    return str(place)


def _bound(words: Iterator[str]) -> str:
    source, place = f"/old{next(words)}", Path(f"/new{next(words)}")
    if Path(source).is_dir():
        place.mkdir(parents=True, exist_ok=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mount(source, str(place), None, MS_BIND | MS_REC)
    return str(place)


def _check(result: int, what: str) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError, KeyError) as error:
        os.write(2, f"{error}\n".encode(errors="replace"))
        os._exit(1)
