"""What a program in the sandbox may take, that nothing of it is left, and what it may do unhindered."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid

import psutil
import pytest

from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.outcome import EndReason, Outcome
from codeslm_lsp.sandbox.workshop import Workshop
from tests.support.sandboxes import offered, processes_with
from tests.support.waiting import until

MB = 1 << 20

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in (0, 1, 2):
            os.close(fd)
        time.sleep(600)
    os._exit(0)
os.wait()
print("left")
"""


@pytest.fixture(params=offered(), ids=lambda mechanism: mechanism.name.replace(" ", "_"))
def mechanism(request: pytest.FixtureRequest) -> Mechanism:
    found: Mechanism = request.param
    return found


@pytest.fixture
def mark() -> str:
    """An argument by which a program of this test is told from others."""
    return f"mark-{uuid.uuid4().hex}"


async def outcome_of(mechanism: Mechanism, program: str, mark: str = "", **limits: float) -> Outcome:
    """How this Python program ends; with 20 s where the test does not say otherwise."""
    settings = Limits(**{"wall_s": 20.0, **limits})  # type: ignore[arg-type]
    async with Workshop({"program.py": program}, settings, mechanism=mechanism) as workshop:
        return await workshop.run([sys.executable, "program.py", mark])


TOO_MUCH: dict[str, tuple[str, dict[str, float], EndReason]] = {
    "endless loop": ("while True: pass", {"wall_s": 0.5}, EndReason.TIMED_OUT),
    "deaf loop": (
        "import signal; [signal.signal(n, lambda *_: 0) for n in (1, 2, 15)]\nwhile True: pass",
        {"wall_s": 0.5},
        EndReason.TIMED_OUT,
    ),
    # The bombs end at 512 processes, should one ever go off outside.
    "fork bomb": ("import os, time\nfor _ in range(9): os.fork()\ntime.sleep(600)", {}, EndReason.PROCESSES),
    "patient fork bomb": (
        "import os, time\nfor _ in range(9):\n    try: os.fork()\n    except OSError: time.sleep(1)\ntime.sleep(600)",
        {},
        EndReason.PROCESSES,
    ),
    "chain of forks": (
        "import os, time\nfor _ in range(512):\n    if os.fork(): break\n    os.setsid()\ntime.sleep(600)",
        {},
        EndReason.PROCESSES,
    ),
    "threads": (
        "import threading, time\nfor _ in range(90): threading.Thread(target=time.sleep, args=(600,)).start()",
        {},
        EndReason.PROCESSES,
    ),
    "memory of many": (
        "import os, time\nfor _ in range(4):\n    if os.fork() == 0: break\nheld = b'x' * (100 << 20)\ntime.sleep(600)",
        {"memory_bytes": 250 * MB},
        EndReason.MEMORY,
    ),
    "files": ("for i in range(10**6): open(str(i), 'x').close()", {"n_files": 1000}, EndReason.FILES),
    "endless output": ("while True: print('x' * 1000)", {"output_bytes": 1000}, EndReason.OUTPUT),
    "endless complaints": (
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        {"output_bytes": 1000},
        EndReason.OUTPUT,
    ),
}


@pytest.mark.parametrize(("program", "limits", "ended"), TOO_MUCH.values(), ids=TOO_MUCH.keys())
async def test_who_takes_too_much_is_ended(
    program: str, limits: dict[str, float], ended: EndReason, mechanism: Mechanism, mark: str
) -> None:
    outcome = await outcome_of(mechanism, program, mark, **limits)
    assert (outcome.ended, outcome.exit_code) == (ended, None)
    assert processes_with(mark) == []
    assert len(outcome.stdout) + len(outcome.stderr) < 3 * MB


@pytest.mark.parametrize(
    ("program", "limits", "error"),
    [
        ("bytearray(10 << 30)", {}, b"MemoryError"),
        ("import mmap; mmap.mmap(-1, 10 << 30)", {}, b"Cannot allocate memory"),
        ("open('big', 'wb').write(b'x' * 2 * MB)", {"file_bytes": MB}, b"File too large"),
        ("import os; os.truncate(os.open('big', os.O_CREAT | os.O_RDWR), 10 << 30)", {}, b"File too large"),
        ("for i in range(20): open(str(i), 'wb').write(b'x' * MB)", {"disk_bytes": 8 * MB}, b"No space left"),
        (
            "for i in range(20): open(f'/dev/shm/{i}', 'wb').write(b'x' * (1 << 20))",
            {"disk_bytes": 8 * MB},
            b"No space",
        ),
        ("held = [open('/dev/null') for _ in range(300)]", {}, b"Too many open files"),
    ],
    ids=["10 GB", "10 GB mapped", "huge file", "huge empty file", "full disk", "shared memory", "open files"],
)
async def test_who_asks_for_too_much_is_refused(
    program: str, limits: dict[str, float], error: bytes, mechanism: Mechanism
) -> None:
    outcome = await outcome_of(mechanism, f"MB = {MB}\n{program}", "", **limits)
    assert (outcome.ended, outcome.exit_code) == (EndReason.EXITED, 1)
    assert error in outcome.stderr


async def test_processor_time_is_each_processs_own(mechanism: Mechanism) -> None:
    outcome = await outcome_of(mechanism, "while True: pass", cpu_s=1)
    assert (outcome.ended, outcome.exit_code) == (EndReason.EXITED, -signal.SIGXCPU)


async def test_it_gives_way(mechanism: Mechanism) -> None:
    outcome = await outcome_of(mechanism, "import os; print(os.nice(0))")
    assert int(outcome.stdout) == min(19, os.nice(0) + 10)


async def test_a_crash_leaves_no_core(mechanism: Mechanism) -> None:
    program = "import os, resource; print(resource.getrlimit(resource.RLIMIT_CORE), flush=True); os.abort()"
    outcome = await outcome_of(mechanism, program)
    # At 0, a program that the kernel hands cores to would still be given one.
    assert (outcome.stdout, outcome.exit_code) == (b"(1, 1)\n", -signal.SIGABRT)


async def test_much_output_is_kept_at_both_ends(mechanism: Mechanism) -> None:
    outcome = await outcome_of(mechanism, "print('first'); print('x' * 3_000_000); print('last')", output_bytes=1000)
    assert (outcome.ended, outcome.exit_code, outcome.cut) == (EndReason.OUTPUT, None, True)
    outcome = await outcome_of(mechanism, "print('first'); print('x' * 30_000); print('last')", output_bytes=1000)
    assert (outcome.ended, outcome.exit_code, outcome.cut) == (EndReason.EXITED, 0, True)
    assert outcome.stdout.startswith(b"first\n")
    assert outcome.stdout.endswith(b"x\nlast\n")
    assert b"\n[29012 bytes of output are left out here]\n" in outcome.stdout


async def test_a_daemon_does_not_survive(mechanism: Mechanism, mark: str) -> None:
    assert _outside(DAEMON, mark) == "left\n"
    (daemon,) = processes_with(mark)
    os.kill(daemon, signal.SIGKILL)
    await until(lambda: not processes_with(mark))
    outcome = await outcome_of(mechanism, DAEMON, mark)
    assert outcome.stdout == b"left\n"
    assert processes_with(mark) == []


@pytest.mark.parametrize("program", ["import time; time.sleep(600)", DAEMON + "time.sleep(600)", "while True: pass"])
async def test_cancelling_ends_everything(program: str, mechanism: Mechanism, mark: str) -> None:
    running = asyncio.create_task(outcome_of(mechanism, program, mark))
    await until(lambda: processes_with(mark))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(mark) == []


@pytest.mark.parametrize("delay_s", [0.0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15])
async def test_cancelling_at_any_moment_leaves_nothing(delay_s: float, mechanism: Mechanism, mark: str) -> None:
    before = set(_children())
    running = asyncio.create_task(outcome_of(mechanism, "import time; time.sleep(600)", mark))
    await asyncio.sleep(delay_s)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_with(mark) == []
    await until(lambda: set(_children()) <= before)


async def test_leaving_the_workshop_ends_everything(mechanism: Mechanism, mark: str) -> None:
    async with Workshop({}, mechanism=mechanism) as workshop:
        running = asyncio.create_task(workshop.run(["sh", "-c", "sleep 600; true", mark]))
        await until(lambda: processes_with(mark))
    assert processes_with(mark) == []
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_nothing_survives_whoever_started_it(mechanism: Mechanism, mark: str) -> None:
    program = f"""
import asyncio, sys
from codeslm_lsp.sandbox.mechanism import Mechanism
from codeslm_lsp.sandbox.workshop import Workshop
async def main():
    async with Workshop({{}}, mechanism={mechanism!r}) as workshop:
        await workshop.run([sys.executable, "-c", {DAEMON + "time.sleep(600)"!r}, "{mark}"])
asyncio.run(main())
"""
    starter = await asyncio.create_subprocess_exec(sys.executable, "-c", program)
    await until(lambda: len([pid for pid in processes_with(mark) if pid != starter.pid]) >= 2)
    starter.kill()
    await starter.wait()
    await until(lambda: not processes_with(mark))


async def test_the_first_process_may_be_killed(mechanism: Mechanism, mark: str) -> None:
    running = asyncio.create_task(outcome_of(mechanism, "import time; time.sleep(600)", mark))
    await until(lambda: processes_with(mark))
    (program,) = processes_with(mark)
    first = psutil.Process(program).parent()
    assert first is not None
    first.kill()
    assert (await running).ended is EndReason.KILLED
    assert processes_with(mark) == []


async def test_a_stopped_first_process_is_ended_all_the_same(mechanism: Mechanism, mark: str) -> None:
    running = asyncio.create_task(outcome_of(mechanism, "import time; time.sleep(600)", mark))
    await until(lambda: processes_with(mark))
    first = psutil.Process(processes_with(mark)[0]).parent()
    assert first is not None
    first.suspend()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await until(lambda: not processes_with(mark))


async def test_programs_have_what_they_need(mechanism: Mechanism) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/sums.py": "def add(a, b):\n    return a + b\n",
        "tests/test_sums.py": """
import asyncio, getpass, multiprocessing, os, pathlib, socket, subprocess, sys, tempfile
from pkg.sums import add

def test_add():
    assert add(1, 2) == 3

def test_system(tmp_path):
    assert getpass.getuser() == "user" and pathlib.Path.home().is_dir()
    (tmp_path / "x").write_text("é")
    assert subprocess.run(["true"]).returncode == 0
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        assert socket.gethostbyname("localhost") == "127.0.0.1"
""",
    }
    async with Workshop(files, mechanism=mechanism) as workshop:
        outcome = await workshop.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"])
        assert b"2 passed" in outcome.stdout, outcome
        assert (outcome.exit_code, outcome.ended, outcome.cut) == (0, EndReason.EXITED, False)
        nothing = await workshop.run(["cat"])
        assert (nothing.stdout, nothing.exit_code) == (b"", 0)
        missing = await workshop.run(["no-such-program"])
        assert (missing.exit_code, missing.stderr) == (127, b"no-such-program: No such file or directory\n")


async def test_every_run_begins_anew(mechanism: Mechanism) -> None:
    async with Workshop({"a/b": "as given"}, mechanism=mechanism) as workshop:
        both = await asyncio.gather(
            *(workshop.run(["sh", "-c", "cat a/b; echo changed > a/b; ls; touch c"]) for _ in "12")
        )
    assert [outcome.stdout for outcome in both] == [b"as givena\n"] * 2


def _outside(program: str, mark: str) -> str:
    return subprocess.run([sys.executable, "-c", program, mark], capture_output=True, text=True, check=True).stdout


def _children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)
