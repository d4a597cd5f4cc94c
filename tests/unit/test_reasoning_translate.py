"""Translations: they parse, define the same names, and are run in both languages where that can be done."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from codeslm_lsp.values import Answer, Badge, InputError
from tests.support.asking import asking, at

PYTHON = (
    'def ‸count_vowels(text: str) -> int:\n    """How many."""\n    return sum(text.count(each) for each in "aeiou")\n'
)
RIGHT = (
    "```javascript\nexport function count_vowels(text) {\n"
    "  return [...text].filter(c => 'aeiou'.includes(c)).length;\n}\n```"
)
WRONG = "```js\nfunction count_vowels(text) {\n  return text.split('a').length - 1;\n}\n```"


async def translated(
    marked: str, *replies: str, to: str = "javascript", folder: Path | None = None, may_run: bool = False
) -> Answer:
    asked = ("Translate this code", "was not right")
    script = [(asked[number], reply) for number, reply in enumerate(replies)]
    async with asking(*script, folder=folder, may_run=may_run) as asker:
        return await asker.ask("translate", replace(at(marked, "words.py"), language=to))


async def test_both_languages_are_run_on_the_same_inputs(tmp_path: Path) -> None:
    answer = await translated(PYTHON, WRONG, RIGHT, folder=tmp_path, may_run=True)
    assert answer.badge is Badge.TESTED, answer
    [edit] = answer.edits
    assert (edit.path, edit.uri) == ("words.js", "file:///project/words.js")
    assert edit.text.startswith("export function count_vowels")
    answer = await translated(PYTHON, "", WRONG, folder=tmp_path, may_run=True)
    assert (answer.badge, answer.edits) == (Badge.REFUTED, ())
    assert 'For count_vowels("aeiou") Python gives 5, JavaScript 1.' in answer.checks[-1].detail


async def test_without_annotations_the_commonest_kind_of_values_is_taken(tmp_path: Path) -> None:
    largest = "def ‸largest(items):\n    best = None\n    for each in items:\n        if best is None or each > best:\n"
    largest += "            best = each\n    return best\n"
    reply = (
        "function largest(items) {\n  let best = null;\n  for (const each of items) {\n"
        "    if (best === null || each > best) best = each;\n  }\n  return best;\n}\n"
    )
    answer = await translated(largest, reply, folder=tmp_path, may_run=True)
    assert answer.badge is Badge.TESTED, answer


async def test_a_translation_that_does_not_run_is_refuted(tmp_path: Path) -> None:
    broken = "function count_vowels(text) { return nowhere(text); }\nnowhere();\n"
    answer = await translated(PYTHON, "", broken, folder=tmp_path, may_run=True)
    assert answer.badge is Badge.REFUTED
    assert "does not run in node: ReferenceError" in answer.checks[-1].detail


async def test_names_in_another_style_are_the_originals_again() -> None:
    answer = await translated(PYTHON, "function countVowels(t) {\n  return t ? countVowels(t.slice(1)) : 0;\n}\n")
    assert answer.edits[0].text == "function count_vowels(t) {\n  return t ? count_vowels(t.slice(1)) : 0;\n}\n"


async def test_without_consent_it_is_unverified() -> None:
    answer = await translated(PYTHON, RIGHT)
    assert answer.badge is Badge.UNVERIFIED
    assert [check.passed for check in answer.checks] == [True, True, False]


@pytest.mark.parametrize(
    ("to", "reply"),
    [
        ("go", "func count_vowels(text string) int {\n\treturn 0\n}\n"),
        ("rust", "fn count_vowels(text: &str) -> usize { 0 }\n"),
        ("java", "class Words {\n    static int count_vowels(String text) { return 0; }\n}\n"),
        ("php", "function count_vowels($text) { return 0; }\n"),
        ("rb", "def count_vowels(text)\n  0\nend\n"),
        ("TypeScript", "function count_vowels(text: string): number { return 0; }\n"),
    ],
)
async def test_other_languages_have_to_parse(to: str, reply: str) -> None:
    assert (await translated(PYTHON, reply, to=to)).badge is Badge.UNVERIFIED


@pytest.mark.parametrize("reply", ["", "I cannot.", "function count_vowels(text) {", "function vowels(t) {}\n"])
async def test_whatever_else_is_said_is_no_edit(reply: str) -> None:
    answer = await translated(PYTHON, reply, reply)
    assert (answer.badge, answer.edits) == (Badge.REFUTED, ())


@pytest.mark.parametrize(
    ("to", "said"), [("", "--to"), ("klingon", "there are python"), ("json", "--to"), ("py", "already")]
)
async def test_languages_that_cannot_be_meant(to: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        await translated(PYTHON, to=to)
