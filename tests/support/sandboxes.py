"""The ways to build a sandbox that have to work on this machine, as told by somebody else than the code under test."""

from __future__ import annotations

import shutil
import subprocess
import sys

import psutil

from codeslm_lsp.sandbox.mechanism import Mechanism, bubblewrap, own_namespaces


def kernel_allows() -> bool:
    """Whether util-linux can make the same namespaces: a container or a distribution may forbid them to everybody."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    command = ("unshare", "--user", "--map-root-user", "--mount", "--net", "--ipc", "--pid", "--fork", "--mount-proc")
    return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0


def offered() -> list[Mechanism]:
    """Each has to work; one that does not is a defect."""
    if not kernel_allows():
        return []
    program = shutil.which("bwrap")
    return [*([bubblewrap(program)] if program else []), own_namespaces()]


def processes_with(mark: str) -> list[int]:
    """Living processes that have this among their arguments. One that has ended meanwhile is none."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        arguments = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any(mark in word for word in arguments):
            found.append(process.pid)
    return found
