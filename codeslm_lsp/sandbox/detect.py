"""This machine → the first mechanism whose walls stand when they are tried, or a sentence about what is missing."""

from __future__ import annotations

import sys
from pathlib import Path

from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism, mechanisms
from codeslm_lsp.sandbox.outcome import EndReason
from codeslm_lsp.sandbox.runner import Job, run
from codeslm_lsp.values import InputError, SandboxUnavailable

PROBE = """
import os, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
held = {
    "a new process namespace": os.getpid() < 10 and len([p for p in os.listdir("/proc") if p.isdigit()]) < 5,
    "a network of its own": [line.split(":")[0].strip() for line in open("/proc/net/dev")][2:] == ["lo"],
    "no capabilities": int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0,
    "no new privileges": status["NoNewPrivs"] == "1",
    "a system call filter": status["Seccomp"] == "2",
    "hidden files": not os.path.exists(sys.argv[1]),
    "a read-only system": all(os.statvfs(path).f_flag & os.ST_RDONLY for path in ("/", "/usr", "/proc", "/dev")),
}
sys.exit(", ".join(name for name, holds in held.items() if not holds) or 0)
"""
"""Says what is not as it should be. It is given the path of a file that is there outside."""

PROBE_LIMITS = Limits(wall_s=20.0)

RESTRICTION = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
"""Ubuntu's switch since 23.10: 1 takes the rights in new user namespaces from programs without a profile."""


async def detect() -> Mechanism:
    """The mechanism to use here. Raises ``SandboxUnavailable`` with what to do if there is none."""
    failed = []
    for mechanism in mechanisms():
        try:
            await probe(mechanism)
        except SandboxUnavailable as error:
            failed.append(f"{mechanism.name}: {error}")
        except InputError as error:
            raise SandboxUnavailable(str(error)) from None
        else:
            return mechanism
    raise SandboxUnavailable(f"No sandbox works on this machine, so nothing is run; {_advice()}. {' '.join(failed)}")


async def probe(mechanism: Mechanism) -> None:
    """Try its walls. Raises ``SandboxUnavailable`` with the reason."""
    command = (sys.executable, "-I", "-S", "-c", PROBE, __file__)
    outcome = await run(mechanism, Job(command, {}), PROBE_LIMITS)
    if outcome.ended is not EndReason.EXITED or outcome.exit_code != 0:
        missing = outcome.stderr.decode(errors="replace").strip().replace("\n", "; ")
        raise SandboxUnavailable(f"It does not give {missing or outcome.ended}.")


def _advice() -> str:
    try:
        is_restricted = RESTRICTION.read_text().strip() == "1"
    except OSError:
        is_restricted = False
    if is_restricted:
        return f"ask the administrator to allow user namespaces (0 in {RESTRICTION}, or AppArmor's profile for bwrap)"
    return "install bubblewrap 0.7 or newer (`apt install bubblewrap`), and in a container allow user namespaces"
