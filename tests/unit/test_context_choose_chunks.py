"""When a chunk enters a prompt, and how long it stays."""

from __future__ import annotations

from codeslm_lsp.context.choose import NEEDED_WEIGHT, beside, n_needed
from codeslm_lsp.context.choose_chunks import BETTER, ENTER_SCORE, MIN_CHARACTERS, STAY_SCORE, choose_chunks
from codeslm_lsp.context.chunks import Chunk
from codeslm_lsp.context.similar import Scored
from codeslm_lsp.context.stubs import Stub

BETWEEN = (ENTER_SCORE + STAY_SCORE) / 2


def chunk(name: str, bonus: float = 1.0, n_lines: int = 3) -> Chunk:
    text = "\n".join(f"{name}_{n} = make({n})" for n in range(n_lines))
    return Chunk(f"{name}.py", 0, text, frozenset({name}), bonus)


def choose(candidates: list[Scored], before: list[Scored], room: int = 2000) -> list[str]:
    chosen = choose_chunks(candidates, before, {}, room, lambda each: each.path == "worthless.py")
    return [each.path for each in chosen]


def test_only_what_is_very_alike_enters_and_only_one() -> None:
    assert choose([Scored(chunk("a"), BETWEEN)], []) == []
    assert choose([Scored(chunk("a"), ENTER_SCORE), Scored(chunk("b"), ENTER_SCORE)], []) == ["a.py"]


def test_what_was_chosen_stays_until_it_is_hardly_alike() -> None:
    a, b = chunk("a"), chunk("b")
    assert choose([Scored(b, ENTER_SCORE), Scored(a, BETWEEN)], [Scored(a, BETWEEN)]) == ["a.py"]
    assert choose([Scored(a, BETWEEN)], [Scored(a, BETWEEN)]) == ["a.py"]
    assert choose([], [Scored(a, STAY_SCORE * 0.99)]) == []


def test_what_is_much_better_takes_its_place() -> None:
    a, b = chunk("a"), chunk("b")
    assert choose([Scored(b, BETTER * BETWEEN * 1.01), Scored(a, BETWEEN)], [Scored(a, BETWEEN)]) == ["b.py"]


def test_code_worked_on_comes_last_and_beside_what_is_similar() -> None:
    written, similar = chunk("written", bonus=1.9), chunk("similar")
    ranked = [Scored(written, 0.9), Scored(similar, 0.4)]
    assert choose(ranked, []) == ["similar.py", "written.py"]
    assert choose([Scored(chunk("similar", bonus=1.9), 0.9), *ranked], []) == ["similar.py", "written.py"]


def test_what_repeats_the_cursors_text_makes_room_for_the_next() -> None:
    assert choose([Scored(chunk("worthless"), 0.9), Scored(chunk("b"), 0.4)], []) == ["b.py"]
    assert choose([], [Scored(chunk("worthless"), 0.9)]) == []


def test_a_chunk_is_cut_to_fit_but_not_to_nothing() -> None:
    long = Scored(chunk("long", n_lines=60), 0.9)
    [cut] = choose_chunks([long], [], {}, MIN_CHARACTERS, lambda _: False)
    assert cut.text in long.chunk.text
    assert len(cut.text) <= MIN_CHARACTERS
    assert choose([long], [], room=MIN_CHARACTERS - 1) == []
    assert choose([Scored(chunk("short"), 0.9)], [], room=MIN_CHARACTERS - 1) == ["short.py"]


def test_signatures_that_are_only_imported_give_way_to_a_chunk() -> None:
    needed = Stub("p.py", "needed", "def needed(): ...", NEEDED_WEIGHT)
    other = Stub("p.py", "other", "def other(): ...", NEEDED_WEIGHT / 2)
    n_all = len("p.py") * 2 + len(needed.text) + len(other.text)
    assert beside([other, needed], 0, n_all) == (needed, other)
    assert beside([other, needed], 1, n_all) == (needed,)
    assert beside([other, needed], n_all, n_all) == (needed,)
    assert n_needed([other, needed]) == len("p.py") + len(needed.text)
