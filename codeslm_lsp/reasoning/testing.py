"""A room and tests in it → which of them pass, by pytest's own account."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from codeslm_lsp.reasoning.room import RUN, Room
from codeslm_lsp.sandbox.limits import Limits

_RESULT = re.compile(r"^(PASSED|FAILED|ERROR) (\S+?::.+?)(?: - .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ran:
    """Which tests passed and which did not, by pytest's names of them (``a.py::test_b[1]``), and what it said."""

    passed: frozenset[str]
    failed: frozenset[str]
    said: str
    exit_code: int | None

    @property
    def passed_functions(self) -> frozenset[str]:
        """The names of test functions that passed with all their parameters."""
        return frozenset(map(_function, self.passed)) - frozenset(map(_function, self.failed))


async def run_tests(room: Room, tests: Sequence[str], limits: Limits = RUN, options: Sequence[str] = ()) -> Ran:
    """Run those of the room's files that are tests beside the others, in a sandbox of their own."""
    quiet = ["-q", "-rA", "--tb=short", "-p", "no:cacheprovider", "--no-header", "-c", "/dev/null", "--rootdir=."]
    outcome = await room.run_python(["-m", "pytest", *quiet, *options, *tests], limits=limits)
    said = outcome.stdout.decode("utf-8", "replace")
    results = _RESULT.findall(said)
    failed = frozenset(name for result, name in results if result != "PASSED")
    passed = frozenset(name for result, name in results if result == "PASSED") - failed
    return Ran(passed, failed, said, outcome.exit_code)


def _function(name: str) -> str:
    return name.rpartition("::")[2].partition("[")[0]
