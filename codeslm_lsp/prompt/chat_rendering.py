"""``python -m codeslm_lsp.prompt.chat_rendering``: a model's chat template and conversations → what it makes of them.

A process of its own: a template is a program that came with a model. Jinja's sandbox keeps it from everything but the
values it is given, limits of memory and time from taking more than its share. JSON comes in and goes out.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from jinja2 import TemplateError, Undefined
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

MEMORY_BYTES = 512 << 20
"""Address space. Python and Jinja take 50 MB of it."""

CPU_S = 10
"""Ten times what a hundred conversations take."""

MAX_CHARACTERS = 100_000
"""Of one conversation. Nothing is said in them but placeholders."""

GLOBALS = ("range", "dict", "namespace")
"""Of Jinja's own; ``lipsum``, ``cycler`` and ``joiner`` are of no use to a template of this kind."""


def main() -> None:
    """One answer to one question: ``{"template", "values", "conversations"}``."""
    _limit()
    asked = json.load(sys.stdin)
    json.dump(rendered(asked["template"], asked["values"], asked["conversations"]), sys.stdout)


def rendered(
    template: str, values: Mapping[str, str], conversations: Sequence[Sequence[Mapping[str, str]]]
) -> list[dict[str, str]]:
    """For each conversation ``{"text"}``, or ``{"error"}`` where the template refuses it."""
    environment = _Environment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals = {name: environment.globals[name] for name in GLOBALS}
    environment.globals |= {"raise_exception": _raise, "strftime_now": _now}
    environment.filters["tojson"] = _to_json
    found: list[dict[str, str]] = []
    for messages in conversations:
        try:
            text = ""
            for piece in environment.from_string(template).generate(
                messages=list(messages), add_generation_prompt=True, enable_thinking=False, **values
            ):
                text += piece
                if len(text) > MAX_CHARACTERS:
                    raise TemplateError("it does not come to an end")
            found.append({"text": text})
        except Exception as error:  # A template may raise whatever Python raises.
            found.append({"error": f"{type(error).__name__}: {error}"[:200]})
    return found


class _Environment(ImmutableSandboxedEnvironment):
    """What is not allowed is an error at once, not a value that prints nothing."""

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:
        raise SecurityError(f"access to {attribute} of a {type(obj).__name__} is not allowed")


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _now(form: str) -> str:
    return datetime.datetime.now().strftime(form)


def _to_json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def _limit() -> None:
    """Where the system can (not on Windows; macOS ignores the first)."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
