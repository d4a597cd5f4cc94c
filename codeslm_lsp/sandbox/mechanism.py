"""The ways to build a sandbox on this kind of machine, and what each guarantees."""

from __future__ import annotations

import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from codeslm_lsp.sandbox.syscalls import AUDIT_ARCHES
from codeslm_lsp.values import SandboxUnavailable

USER = 1000
"""Who a program is inside, as in ``etc/passwd`` and ``launch``, which can be imported only on Linux."""

PYTHON_ALONE = ("-I", "-S", "-B")
"""Neither the environment nor a folder nor installed packages have a say in what our own scripts do."""

GUARANTEE = (
    "Programs run in {name}: with no network, no file but the system's, Python's and a copy of the project's, no "
    "process but their own, no privileges, few system calls, and limits on time, memory, processes and files. "
    "The Linux kernel is shared, and memory that it uses for open sockets and pipes is limited only by their number."
)


@dataclass(frozen=True, slots=True)
class Mechanism:
    """What builds the namespaces: a command that takes ``mounts``' options, ``--``, and what to run in there."""

    name: str
    command: tuple[str, ...]

    @property
    def guarantee(self) -> str:
        """What may be relied on, and what not, for the user."""
        return GUARANTEE.format(name=self.name)


def mechanisms() -> list[Mechanism]:
    """What may work here, the best first. Raises ``SandboxUnavailable`` where nothing can."""
    if sys.platform != "linux":
        advice = "use WSL 2" if sys.platform == "win32" else "use a Linux machine, or a virtual one"
        raise SandboxUnavailable(
            f"Programs can be shut in only on Linux, not on {platform.system()}, so nothing was run; {advice}."
        )
    if platform.machine() not in AUDIT_ARCHES:
        known = " and ".join(AUDIT_ARCHES)
        raise SandboxUnavailable(
            f"Programs can be shut in only on {known} processors, not on {platform.machine()}, so nothing was run; "
            "use another machine."
        )
    program = shutil.which("bwrap")
    return [*([bubblewrap(program)] if program is not None else []), own_namespaces()]


def bubblewrap(program: str) -> Mechanism:
    """The usual tool for this, which systems that restrict namespaces may allow what they do not allow us."""
    options = (
        *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--uid", str(USER), "--gid", str(USER), "--hostname", "sandbox"),
        *("--cap-drop", "ALL", "--die-with-parent", "--new-session", "--as-pid-1"),
    )
    return Mechanism("bubblewrap", (program, *options))


def own_namespaces() -> Mechanism:
    """The same by ``launch``."""
    script = Path(__file__).with_name("launch.py")
    return Mechanism("Linux namespaces", (sys.executable, *PYTHON_ALONE, str(script)))
