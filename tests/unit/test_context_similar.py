"""Which code of other files is like a hole: golden projects, and what holds for any text. ``‸`` is the cursor."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.context.choose_chunks import STAY_SCORE, choose_chunks
from codeslm_lsp.context.chunks import SIZE_LINES, SLACK_LINES, STEP_LINES, Chunk, chunked, trimmed
from codeslm_lsp.context.similar import NEAR_LINES, chunk_set, query_at, ranked, rarity, repeats_hole

CASES = tomllib.loads((Path(__file__).parents[1] / "data/context/similar.toml").read_text(encoding="utf-8"))["case"]

CODE_LINES = st.lists(st.sampled_from(["def f(a):", "    return a", "}", "", "x = g(h, 1)", "\tif (k) {", "日本 = z"]))
ROOM = 800


def chosen(text: str, cursor: int, files: dict[str, str]) -> tuple[Chunk, ...]:
    """What is shown of ``files`` at a place where nothing was shown before."""
    cut = [chunked(path, each) for path, each in files.items()]
    query, rarity_of = query_at(text, cursor), rarity([chunk_set(cut)])
    candidates = ranked((chunk for file in cut for chunk in file.chunks), query, rarity_of, STAY_SCORE)
    weights = {name: weight * rarity_of(name) for name, weight in query.weights.items()}
    return choose_chunks(candidates, (), weights, ROOM, lambda chunk: repeats_hole(chunk.text, query))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_is_alike_is_shown(case: dict[str, Any]) -> None:
    text = case["text"]
    shown = chosen(text.replace("‸", ""), text.index("‸"), case["files"])
    assert [chunk.path for chunk in shown] == ([case["shown"]] if "shown" in case else [])
    if "shown" in case:
        assert case["holds"] in shown[0].text.split("\n")


@given(CODE_LINES, CODE_LINES, st.integers(0, 400))
def test_what_is_in_sight_is_not_shown_again(own: list[str], other: list[str], cursor: int) -> None:
    text = "\n".join(own * 3)
    cursor = min(cursor, len(text))
    for chunk in chosen(text, cursor, {"copy.py": text, "other.py": "\n".join([*other, *own, *other])}):
        line = text.count("\n", 0, cursor)
        near = {each.strip() for each in text.split("\n")[max(0, line - NEAR_LINES + 1) : line + NEAR_LINES]}
        lines = [each.strip() for each in chunk.text.split("\n") if each.strip()]
        assert sum(each in near for each in lines) <= len(lines) / 2


@given(st.text() | CODE_LINES.map("\n".join), st.integers(0, 300))
def test_chunks_are_lines_of_their_file(text: str, n_characters: int) -> None:
    file = chunked("any.py", text)
    lines = file.text.split("\n")
    for chunk in file.chunks:
        assert lines[chunk.first_line : chunk.end_line] == chunk.text.split("\n")
        assert chunk.end_line - chunk.first_line <= SIZE_LINES
        part = trimmed(chunk, dict.fromkeys(chunk.names, 1.0), n_characters)
        if part is not None:
            assert len(part.text) <= n_characters
            assert lines[part.first_line : part.end_line] == part.text.split("\n")
            assert part.names == chunk.names


def test_chunks_overlap_and_leave_nothing_out() -> None:
    lines = [f"value_{n} = {n}" if n % 7 else "" for n in range(500)]
    chunks = chunked("long.py", "\n".join(lines)).chunks
    covered = {n for chunk in chunks for n in range(chunk.first_line, chunk.end_line)}
    assert covered >= {n for n, line in enumerate(lines) if line}
    for one, following in itertools.pairwise(chunks):
        assert following.first_line - one.first_line <= STEP_LINES + 2 * SLACK_LINES


def test_chunks_begin_where_something_begins() -> None:
    lines = [f"x = {n}" for n in range(14)] + ["", "def f():"] + [f"    y = {n}" for n in range(40)]
    assert [chunk.first_line for chunk in chunked("f.py", "\n".join(lines)).chunks][1] == 15


def test_a_chunk_is_cut_around_what_is_like_the_hole() -> None:
    lines = [f"filler_{n} = other_{n}" for n in range(30)]
    lines[14] = "order = store.find_order(body)"
    [chunk] = [each for each in chunked("f.py", "\n".join(lines)).chunks if not each.first_line]
    part = trimmed(chunk, {"store": 3.0, "find_order": 5.0}, 200)
    assert part is not None
    shown = part.text.split("\n")
    place = shown.index(lines[14])
    assert 0 < place < len(shown) - 1 - place, "more of what comes next than of what came before"
    assert trimmed(chunk, {"find_order": 5.0}, 10) is None


def test_rare_names_tell_more() -> None:
    common = {f"{n}.py": f"log = logger()\nvalue_{n} = log(common)\n" for n in range(20)}
    files = [chunked(path, text) for path, text in (common | {"rare.py": "log = logger()\nrare_thing(log)\n"}).items()]
    query = query_at("log = logger()\nrare_thing(", 26)
    best, *_ = ranked((chunk for file in files for chunk in file.chunks), query, rarity([chunk_set(files)]), 0.0)
    assert best.chunk.path == "rare.py"
