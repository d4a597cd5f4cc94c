"""A Python function and its translation into JavaScript → whether both give the same, run in the sandbox.

Compared is what JSON can say: numbers by their value, lists and tuples as arrays. Inputs for which Python raises are
left out, and so is text beyond U+FFFF, whose length the languages count differently.
"""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import dataclass
from typing import Any

from codeslm_lsp.reasoning.compare import python_examples
from codeslm_lsp.reasoning.passage import Passage
from codeslm_lsp.reasoning.room import Room
from codeslm_lsp.sandbox.limits import Limits
from codeslm_lsp.sandbox.workshop import Workshop
from codeslm_lsp.syntax.python_function import Function

RUN = Limits(wall_s=30.0)

MAX_SHOWN = 200
"""Characters of a value in a sentence."""

_RUNNER = """
;(() => {
  const fs = require("fs");
  const results = [];
  const write = console.log;
  console.log = () => {};
  for (const each of JSON.parse(fs.readFileSync("inputs.json", "utf8"))) {
    try {
      const value = NAME(...each);
      results.push({value: value === undefined ? null : value});
    } catch (error) {
      results.push({error: String(error)});
    }
  }
  write(JSON.stringify(results, (_, value) =>
    value instanceof Map ? Object.fromEntries(value) : value instanceof Set ? [...value] : value));
})();
"""
"""Put behind the translation; ``NAME`` is the function's."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """For ``n`` inputs both gave the same; ``difference`` is a sentence on one for which they did not."""

    n: int = 0
    difference: str = ""
    error: str = ""


async def cross_run(passage: Passage, function: Function, code: str, room: Room) -> Crossed:
    """Run both."""
    if shutil.which("node") is None:
        return Crossed(error="node is not on the path")
    text = passage.document.text
    examples, error = await python_examples(function, passage.document.path, text, room)
    if not examples:
        return Crossed(error=error or "no input was found for which it returns something that JSON can say")
    exported = "\n".join(line.removeprefix("export default ").removeprefix("export ") for line in code.split("\n"))
    copies = {
        "translated.js": exported + _RUNNER.replace("NAME", function.name),
        "inputs.json": json.dumps([each["arguments"] for each in examples]),
    }
    async with Workshop(copies, RUN, mechanism=room.mechanism) as shop:
        outcome = await shop.run(["node", "translated.js"])
    try:
        results = json.loads(outcome.stdout)
        assert isinstance(results, list)
    except (ValueError, AssertionError):
        said = [line for line in outcome.stderr.decode("utf-8", "replace").splitlines() if "Error" in line]
        return Crossed(difference=f"It does not run in node: {said[0] if said else outcome.ended.value}.")
    for each, result in zip(examples, results, strict=False):
        is_same = isinstance(result, dict) and "value" in result and _same(each["result"], result["value"])
        if not is_same:
            gave = result.get("error") or json.dumps(result.get("value")) if isinstance(result, dict) else "nothing"
            call = f"{function.name}({', '.join(map(json.dumps, each['arguments']))})"
            expected = json.dumps(each["result"])
            return Crossed(difference=f"For {call[:MAX_SHOWN]} Python gives {expected[:MAX_SHOWN]}, JavaScript {gave}.")
    if len(results) != len(examples):
        return Crossed(difference="It does not answer for all inputs.")
    return Crossed(n=len(examples))


def _same(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool) or left is None or right is None:
        return left is right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return math.isclose(left, right, rel_tol=1e-12, abs_tol=1e-12)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    return bool(left == right)
