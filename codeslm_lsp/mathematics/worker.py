"""``python -m codeslm_lsp.mathematics.worker BYTES``: questions as lines of JSON → answers as lines of JSON.

The only process with SymPy. It may be killed at any moment, and is when a question takes too long.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from codeslm_lsp.mathematics.answers import Answer, to_json
from codeslm_lsp.values import CodeslmError, UnitsError

TOO_LARGE = "The question takes more memory than it may; ask for something smaller."


def main() -> None:
    """Until the end of the input."""
    _limit_memory(int(sys.argv[1]))
    from codeslm_lsp.mathematics.agreement import agree
    from codeslm_lsp.mathematics.computing import compute
    from codeslm_lsp.mathematics.equality import equal
    from codeslm_lsp.mathematics.sampling import sample
    from codeslm_lsp.mathematics.verifying import verify

    tasks: Mapping[str, Callable[..., Answer]] = {
        "verify": verify,
        "agree": agree,
        "sample": sample,
        "compute": compute,
        "equal": equal,
    }
    for line in sys.stdin:
        question = json.loads(line)
        said = _answer(tasks[question["task"]], question["texts"], question["limit_s"])
        sys.stdout.write(json.dumps({"id": question["id"], **said}) + "\n")
        sys.stdout.flush()


def _answer(task: Callable[..., Answer], texts: list[str], limit_s: float) -> dict[str, Any]:
    try:
        return {"answer": to_json(task(*texts, limit_s))}
    except UnitsError as error:
        return {"error": str(error), "is_units": True}
    except CodeslmError as error:
        return {"error": str(error)}
    except (MemoryError, RecursionError):
        return {"error": TOO_LARGE}
    except Exception as error:  # SymPy raises errors of every kind; none of them may end the process.
        return {
            "error": f"This is beyond what can be worked out here ({type(error).__name__}); write it in another way."
        }


def _limit_memory(n_bytes: int) -> None:
    """Where the system can (not on Windows; macOS ignores it)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (n_bytes, n_bytes))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
