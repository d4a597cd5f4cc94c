"""The chat template in a model's own file → how conversations of each shape are written: marks, text, and places for
what is said.

The template sees placeholders, never what somebody says: that is put in afterwards, as plain text.
"""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from codeslm_lsp.prompt.vocabulary import Vocabulary, token_id
from codeslm_lsp.values import Message, ModelUnsuitable, Role

KEY = "tokenizer.chat_template"
"""Of GGUF's metadata."""

LIMIT_S = 15.0
"""For all shapes, Python's start among it: a tenth of a second, longer on a busy machine."""

MAX_TEMPLATE_CHARACTERS = 100_000
"""The longest in use have some 10,000."""

MAX_QUESTIONS = 6
"""Turns of the user in one conversation; commands that show examples have four."""

WHY_NOT = "The model's own chat template cannot be used"


@dataclass(frozen=True, slots=True)
class Said:
    """The place of the text of a conversation's message, counted from 0."""

    message: int


Part = int | str | Said
"""A token id, plain text, or the place of a text."""

Shape = tuple[Role, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """``skeletons`` are conversations of each shape up to the assistant's next turn; shapes with a system's turn are
    missing where the template has none. ``strips``: white space around what is said is left out. ``marks`` are the
    spellings of its token ids, ``stop_ids`` those that end an answer.
    """

    skeletons: Mapping[Shape, tuple[Part, ...]]
    strips: bool
    marks: tuple[str, ...]
    stop_ids: frozenset[int]


def read_template(vocabulary: Vocabulary, metadata: Mapping[str, Any], limit_s: float = LIMIT_S) -> Template | None:
    """None where the file has no template. Raises ``ModelUnsuitable`` where it has one that cannot be used."""
    source = metadata.get(KEY)
    if not isinstance(source, str) or not source.strip():
        return None
    if len(source) > MAX_TEMPLATE_CHARACTERS:
        raise ModelUnsuitable(f"{WHY_NOT}: it is longer than {MAX_TEMPLATE_CHARACTERS:,} characters.")
    shapes = [shape for n in range(1, MAX_QUESTIONS + 1) for shape in (_shape(n), (Role.SYSTEM, *_shape(n)))]
    nonce = f"q{secrets.token_hex(8)}"
    plain = [_conversation(shape, nonce, "") for shape in shapes]
    padded = _conversation(shapes[0], nonce, " ")
    texts = _rendered(source, _values(vocabulary, metadata), [*plain, padded], limit_s)
    ids = vocabulary.marks
    skeletons: dict[Shape, tuple[Part, ...]] = {}
    why = "it refuses a question"
    for shape, said in zip(shapes, texts, strict=False):
        parts = _parts(said.get("text", ""), nonce, len(shape), ids)
        if parts is not None:
            skeletons[shape] = parts
        elif shape == shapes[0]:
            why = said.get("error", "it does not show a question once and as it was asked")
    if shapes[0] not in skeletons:
        raise ModelUnsuitable(f"{WHY_NOT}: {why.rstrip('.')}. Use another model, such as qwen2.5-coder-1.5b.")
    marks = {part for parts in skeletons.values() for part in parts if isinstance(part, int)}
    stop_ids = frozenset(filter(None, (_end_of_answer(shape, parts) for shape, parts in skeletons.items())))
    return Template(
        skeletons,
        strips=texts[0].get("text") == texts[-1].get("text"),
        marks=tuple(vocabulary.tokens[each] for each in sorted(marks)),
        stop_ids=stop_ids,
    )


def written(messages: Sequence[Message], template: Template) -> list[int | str]:
    """A conversation as token ids and plain texts.

    Instructions stand before the user's words where the template has no turn for them. Raises ``ModelUnsuitable`` for a
    conversation of a shape that the template does not write.
    """
    shape = tuple(each.role for each in messages)
    texts = [each.text.strip() if template.strips else each.text for each in messages]
    if shape not in template.skeletons and shape[:1] == (Role.SYSTEM,) and len(shape) > 1:
        shape, texts = shape[1:], [f"{texts[0]}\n\n{texts[1]}", *texts[2:]]
    parts = template.skeletons.get(shape)
    if parts is None:
        raise ModelUnsuitable(f"{WHY_NOT} for a conversation of {len(shape)} turns; use another model.")
    return [texts[part.message] if isinstance(part, Said) else part for part in parts]


def _shape(n_questions: int) -> Shape:
    return (Role.USER, *((Role.ASSISTANT, Role.USER) * (n_questions - 1)))


def _conversation(shape: Shape, nonce: str, around: str) -> list[dict[str, str]]:
    return [{"role": role.value, "content": f"{around}{nonce}x{place}x{around}"} for place, role in enumerate(shape)]


def _values(vocabulary: Vocabulary, metadata: Mapping[str, Any]) -> dict[str, str]:
    """What templates call the tokens that begin and end a text."""
    found = {}
    for name in ("bos", "eos"):
        token = token_id(metadata, f"tokenizer.ggml.{name}_token_id", len(vocabulary.tokens))
        found[f"{name}_token"] = vocabulary.tokens[token] if token is not None else ""
    return found


def _rendered(
    template: str, values: Mapping[str, str], conversations: Sequence[Sequence[Mapping[str, str]]], limit_s: float
) -> list[dict[str, str]]:
    """By the process of ``chat_rendering``. Raises ``ModelUnsuitable`` where it takes too much."""
    asked = json.dumps({"template": template, "values": values, "conversations": conversations})
    # "-P": a module of the user's project must not take the place of one of Python's.
    command = [sys.executable, "-P", "-m", "codeslm_lsp.prompt.chat_rendering"]
    try:
        done = subprocess.run(command, input=asked.encode(), capture_output=True, timeout=limit_s, check=False)
        said: list[dict[str, str]] = json.loads(done.stdout)
    except subprocess.TimeoutExpired:
        raise ModelUnsuitable(f"{WHY_NOT}: it takes longer than {limit_s:g} s. Use another model.") from None
    except (OSError, ValueError):
        raise ModelUnsuitable(f"{WHY_NOT}: working it out failed or took too much. Use another model.") from None
    return said


def _parts(text: str, nonce: str, n_messages: int, marks: Mapping[str, int]) -> tuple[Part, ...] | None:
    """What was rendered, in parts; None where not every message is in it once, in order."""
    pieces = re.split(rf"{nonce}x(\d+)x", text)
    if pieces[1::2] != [str(place) for place in range(n_messages)] or any(nonce in each for each in pieces):
        return None
    parts: list[Part] = []
    for place, piece in enumerate(pieces):
        parts += [Said(int(piece))] if place % 2 else _marked(piece, marks)
    return tuple(parts)


def _marked(text: str, marks: Mapping[str, int]) -> list[Part]:
    """The template's own text: what spells a mark is its token."""
    if not marks or not text:
        return [text] if text else []
    pattern = "|".join(re.escape(each) for each in sorted(marks, key=len, reverse=True))
    pieces = re.split(f"({pattern})", text)
    return [marks[each] if place % 2 else each for place, each in enumerate(pieces) if each]


def _end_of_answer(shape: Shape, parts: Sequence[Part]) -> int | None:
    """The mark behind an earlier answer of the assistant."""
    if Role.ASSISTANT not in shape:
        return None
    behind = parts[parts.index(Said(shape.index(Role.ASSISTANT))) + 1 :]
    following = next((each for each in behind if not (isinstance(each, str) and not each.strip())), None)
    return following if isinstance(following, int) else None
