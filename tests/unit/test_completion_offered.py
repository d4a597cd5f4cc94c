"""What is left of an offer while the user types it. ``‸`` is the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.completion.offered import MAX_OFFERS, Offered
from codeslm_lsp.values import Completion, Cursor, Document, Report, Skip, SkipReason, Timings, Trigger


def parts(marked: str, uri: str = "file:///a.py") -> tuple[Document, Cursor]:
    before, _, after = marked.partition("‸")
    return Document(uri, "a.py", "python", 1, before + after), Cursor(len(before))


def offer(offered: Offered, marked: str, text: str) -> None:
    document, cursor = parts(marked)
    timings = Timings(1.0, 1.0, 10, 0, 3)
    offered.remember(
        document, cursor, Report(Completion(text, cursor, cursor, 0.5), Trigger.AUTOMATIC, timings=timings)
    )


def left(offered: Offered, marked: str, **options: str) -> str | None:
    document, cursor = parts(marked, **options)
    report = offered.rest(document, cursor)
    if report is None:
        return None
    assert isinstance(report.outcome, Completion)
    assert report.outcome.start == report.outcome.end == cursor
    assert (report.from_offered, report.timings, report.outcome.confidence) == (True, Timings(), 0.5)
    return report.outcome.text


OFFER = ("a\n  re‸\nz\n", "turn x\n  # é😀")

LEFT = {
    "nothing typed yet": ("a\n  re‸\nz\n", "turn x\n  # é😀"),
    "some of it": ("a\n  retur‸\nz\n", "n x\n  # é😀"),
    "up to the end of its first line": ("a\n  return x‸\nz\n", "\n  # é😀"),
    "across lines": ("a\n  return x\n  # ‸\nz\n", "é😀"),
    "something else": ("a\n  ret_‸\nz\n", None),
    "all of it": ("a\n  return x\n  # é😀‸\nz\n", None),
    "more than all of it": ("a\n  return x\n  # é😀!‸\nz\n", None),
    "a backspace too many": ("a\n  r‸\nz\n", None),
    "with another line below": ("a\n  ret‸\ny\n", None),
    "with a longer rest": ("a\n  ret‸\nz\nz\n", None),
    "with another line above": ("b\n  ret‸\nz\n", None),
}


@pytest.mark.parametrize(("marked", "expected"), LEFT.values(), ids=LEFT.keys())
def test_what_is_left(marked: str, expected: str | None) -> None:
    offered = Offered()
    offer(offered, *OFFER)
    assert left(offered, marked) == expected


def test_after_a_backspace_the_offer_is_there_again() -> None:
    offered = Offered()
    offer(offered, "x = ‸", "compute(a)")
    offer(offered, "x = com‸", "pare(b)")
    assert left(offered, "x = comp‸") == "are(b)"
    assert left(offered, "x = co‸") == "mpute(a)"


def test_blanks_are_not_worth_showing() -> None:
    offered = Offered()
    offer(offered, "x‸", " = 1\n ")
    assert left(offered, "x = 1‸") is None


def test_other_documents_and_closed_ones() -> None:
    offered = Offered()
    offer(offered, "x‸", " = 1")
    assert left(offered, "x‸", uri="file:///b.py") is None
    offered.forget("file:///a.py")
    assert left(offered, "x‸") is None


def test_only_the_newest_are_kept_and_skips_are_not() -> None:
    offered = Offered()
    document, cursor = parts("x‸")
    offered.remember(document, cursor, Report(Skip(SkipReason.BLANK, "Blank."), Trigger.AUTOMATIC))
    assert left(offered, "x‸") is None
    for n in range(MAX_OFFERS + 1):
        offer(offered, f"x{n:02}‸", "!")
    assert left(offered, "x00‸") is None
    assert left(offered, "x01‸") == "!"


texts = st.text(st.sampled_from("ab\n"), max_size=5)


@given(texts, texts, texts, texts, texts)
def test_accepting_what_is_left_gives_what_accepting_the_offer_gave(
    before: str, after: str, offered_text: str, new_before: str, new_after: str
) -> None:
    offered = Offered()
    offer(offered, f"{before}‸{after}", offered_text)
    rest = left(offered, f"{new_before}‸{new_after}")
    if rest is not None:
        assert new_before + rest + new_after == before + offered_text + after
        assert new_after == after
