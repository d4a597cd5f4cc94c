"""What other programs ask for over HTTP, and in which language it is probably written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.prompt.families import SENTINELS, load_formats
from codeslm_lsp.serving.requests import asked_of_infill, asked_of_openai
from codeslm_lsp.syntax.guess import CANDIDATES, guessed_language

SAMPLES = Path(__file__).parents[1] / "data" / "syntax"


def families() -> list[tuple[str, str]]:
    return [(name, order) for name, family in load_formats().families.items() for order in family.layouts]


@pytest.mark.parametrize(("name", "order"), families())
def test_a_prompt_of_any_family_is_taken_apart(name: str, order: str) -> None:
    """As an editor writes it that knows the model: Zed's ``prompt_format``."""
    family = load_formats().families[name]
    texts = {"{prefix}": "def f(x):\n    ret", "{suffix}": "\n\nprint(f(1))\n"}
    parts = family.layouts[order]
    if parts[0] not in SENTINELS:
        pytest.skip("text stands first: nothing tells that it is a prompt")
    written = "".join(texts.get(part) or family.pieces()[part] for part in parts)
    asked = asked_of_openai({"prompt": written})
    assert (asked.prefix, asked.suffix) == (texts["{prefix}"], texts["{suffix}"])


def test_a_suffix_of_its_own_leaves_the_prompt_as_it_is() -> None:
    asked = asked_of_openai({"prompt": "x = '<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>'\ny", "suffix": "\n"})
    assert asked.prefix.startswith("x = '<|fim_prefix|>")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"max_tokens": 12, "n": 3, "stop": "\n"}, (12, 3, ("\n",), False)),
        ({"max_tokens": 0, "stop": ["a", "b"], "stream": True}, (None, 1, ("a", "b"), True)),
        ({"max_tokens": 10**9, "n": 99}, (1024, 6, (), False)),
        ({"max_tokens": None, "temperature": 2, "suffix": None}, (None, 1, (), False)),
    ],
)
def test_limits_are_kept_to(body: dict[str, Any], expected: tuple[Any, ...]) -> None:
    asked = asked_of_openai({"prompt": "x = ", **body})
    assert (asked.max_tokens, asked.n_choices, asked.stop_texts, asked.streams) == expected


def test_the_way_of_llama_cpp() -> None:
    asked = asked_of_infill(
        {"input_prefix": "a\n", "prompt": "b", "input_suffix": "\nc", "n_predict": -1, "t_max_predict_ms": 250}
    )
    assert (asked.prefix, asked.suffix, asked.max_tokens, asked.time_budget_ms) == ("a\nb", "\nc", None, 250)


PYTHON = "import os\n\n\ndef size_of(path):\n    return os.stat(path).st_size\n\n\nclass A:\n    x = 1\n"


@pytest.mark.parametrize(
    ("body", "language"),
    [
        ({"prompt": PYTHON, "language": "ruby"}, "ruby"),
        ({"prompt": f"// language: go\n{PYTHON}"}, "go"),
        ({"prompt": f"# language: nonsense\n{PYTHON}"}, ""),
        ({"prompt": PYTHON}, ""),
    ],
)
def test_the_language_that_is_said(body: dict[str, Any], language: str) -> None:
    assert asked_of_openai(body).language_id == language


@pytest.mark.parametrize("name", [*CANDIDATES, "php", "bash"])
def test_the_language_is_told_by_the_text(name: str) -> None:
    text = (SAMPLES / name / "sample.txt").read_text(encoding="utf-8")
    guessed = guessed_language(text[: len(text) // 2], text[len(text) // 2 :])
    assert guessed is not None
    assert guessed.name == name


def test_too_little_text_is_in_no_language() -> None:
    assert guessed_language("x = ", "") is None
