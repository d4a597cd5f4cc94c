"""``prompts/commands/NAME.md`` and the values of its variables → the conversation that asks the model.

A template is Markdown in which ``## system``, ``## user`` and ``## assistant`` begin a turn, and ``${name}`` stands for
a value. What a value says is never read as a template, so nothing in a user's file can ask for another variable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from string import Template

from codeslm_lsp.resources import read_text
from codeslm_lsp.values import InputError, Message, Role

_TURN = re.compile(r"^## (system|user|assistant)\n", re.MULTILINE)


def conversation(name: str, values: Mapping[str, str]) -> tuple[Message, ...]:
    """The turns of one command. Raises ``InputError`` for a variable that is missing, or that the template lacks."""
    turns = _turns(name)
    wanted = {variable for _, template in turns for variable in template.get_identifiers()}
    if wrong := wanted ^ values.keys():
        raise InputError(f"prompts/commands/{name}.md: the variable '{min(wrong)}' is unknown or missing.")
    return tuple(Message(role, template.substitute(values)) for role, template in turns)


@cache
def _turns(name: str) -> tuple[tuple[Role, Template], ...]:
    return parse_template(read_text(f"prompts/commands/{name}.md"), name)


def parse_template(text: str, name: str) -> tuple[tuple[Role, Template], ...]:
    """The turns of a template, in their order. Raises ``InputError`` when it is none."""
    before, *parts = _TURN.split(text)
    turns = [(Role(role), Template(said.strip("\n"))) for role, said in zip(parts[::2], parts[1::2], strict=True)]
    roles = [role for role, _ in turns if role is not Role.SYSTEM]
    alternating = [Role.USER, Role.ASSISTANT] * len(roles)
    if before.strip() or not roles or roles != alternating[: len(roles)] or roles[-1] is not Role.USER:
        raise InputError(f"prompts/commands/{name}.md must hold turns that alternate, and end with one of the user.")
    if not all(template.is_valid() for _, template in turns):
        raise InputError(f"prompts/commands/{name}.md has a stray $; write $$ for one that is meant.")
    return tuple(turns)
