"""A function of a module → what the examples in its docstring come to, as one line of JSON. Runs in the sandbox.

A script that imports nothing of codeslm. Arguments: module, owner ("" for none), name.
"""

from __future__ import annotations

import doctest
import importlib
import inspect
import io
import json
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Import, run, report."""
    report = os.fdopen(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    module_name, owner, name = sys.argv[1:]
    sys.path[:0] = [str(Path.cwd()), str(Path.cwd() / "src")]
    result: dict[str, Any] = {"n": 0, "n_failed": 0, "said": ""}
    try:
        module = importlib.import_module(module_name)
        found = vars(module)[owner] if owner else module
        function = inspect.getattr_static(found, name)
        function = getattr(function, "fget", None) or getattr(function, "__func__", function)
        said = io.StringIO()
        runner = doctest.DocTestRunner(verbose=False)
        for each in doctest.DocTestFinder(recurse=False).find(function, name, module, globs=dict(vars(module))):
            runner.run(each, out=said.write)
        result = {"n": runner.tries, "n_failed": runner.failures, "said": said.getvalue()[:2000]}
    except BaseException as error:
        result = {"n": 0, "n_failed": 0, "said": f"{type(error).__name__}: {error}"[:500]}
    print(json.dumps(result), file=report, flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
