"""The warm session against a model of a few dozen tokens that counts what it is asked to evaluate."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from codeslm_lsp.engine.continuation import Vocabulary
from codeslm_lsp.engine.drafts import Drafter
from codeslm_lsp.engine.llama_model import Aborted
from codeslm_lsp.engine.llama_session import LlamaSession
from codeslm_lsp.engine.progress import Progress
from codeslm_lsp.engine.protocol import GenerateRequest, generation_of
from codeslm_lsp.values import InputError, Priority, StopReason, Timings, Token

PIECES = [
    *(b"", b"", b"", b"<stop>"),
    *(bytes([byte]) for byte in b"abcdefghijklmnopqrstuvwxyz (),:\n"),
    *(b"re", b"ret", b"return", b"turn", b"urn", b" a", b" ar", b"ea", b"area", b"def", b"def ", b"aa", b"aaaa"),
    *("é".encode(), "é".encode()[:1], "é".encode()[1:], "😀".encode()[:2], "😀".encode()[2:], b"\xff"),
]
END, MID, OTHER_CONTROL, STOP = range(4)
PROMPT = (MID + 1, 4, 5, 6, MID)
"""Any tokens; the last is the sentinel behind which the model speaks."""

Logits = Callable[[Sequence[int]], NDArray[np.float32]]


class Words:
    """A grammar that a text obeys if it is one of the words that stand in its own text, divided by ``|``."""

    def __init__(self, text: str) -> None:
        if not text.strip():
            raise InputError("No words are given; give some.")
        self._words = [word.encode() for word in text.split("|")]
        self._said = b""

    def allowed(self, tokens: NDArray[np.intp]) -> NDArray[np.bool_]:
        said = [self._said + PIECES[token] for token in tokens]
        return np.array([any(word.startswith(each) for word in self._words) for each in said], dtype=np.bool_)

    def is_complete(self) -> bool:
        return self._said in self._words

    def accept(self, token: int) -> None:
        assert PIECES[token]
        assert self.allowed(np.array([token]))[0], "what is not allowed would end the process"
        self._said += PIECES[token]


class CountingModel:
    """What ``LlamaSession`` needs of ``LlamaModel``. ``logits`` is a function of all tokens up to a position.

    ``evaluations`` holds the number of tokens of each call. After ``abort_after`` more tokens evaluation is aborted.
    While ``broken``, evaluation fails, and leaves something else in the cache.
    """

    def __init__(self, logits: Logits, n_ctx: int = 500) -> None:
        self.pieces = PIECES
        self.n_ctx = n_ctx
        self.cache: list[int] = []
        self.evaluations: list[int] = []
        self.abort_after: int | None = None
        self.broken = False
        self._logits = logits

    def evaluate(self, tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        assert 0 <= start <= len(self.cache), "a hole in the cache"
        assert 1 <= n_logits <= len(tokens)
        assert start + len(tokens) <= self.n_ctx, "more than the context window holds"
        del self.cache[start:]
        self.evaluations.append(len(tokens))
        if self.broken:
            self.cache.append(STOP)
            raise RuntimeError("llama_decode failed with status 1")
        for token in tokens:
            if self.abort_after == 0:
                raise Aborted
            self.cache.append(token)
            if self.abort_after is not None:
                self.abort_after -= 1
        ends = range(len(self.cache) - n_logits + 1, len(self.cache) + 1)
        return np.stack([self._logits(self.cache[:end]) for end in ends])

    def forget(self) -> None:
        self.cache.clear()

    def n_evaluated(self) -> int:
        return len(self.cache)

    def is_end(self, token: int) -> bool:
        return token == END

    def grammar(self, text: str) -> Words:
        return Words(text)


def speaking(text: str) -> Logits:
    """Says ``text`` behind the last ``MID`` in the longest tokens there are, and then ends."""
    wanted = text.encode()

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        behind = tokens[len(tokens) - list(tokens)[::-1].index(MID) :]
        n_said = len(bytes_of(behind))
        row = np.full(len(PIECES), -50, dtype=np.float32)
        row[END] = 0
        for token, piece in enumerate(PIECES):
            if piece and wanted.startswith(piece, n_said):
                row[token] = len(piece)
        return row

    return logits


def preferring(*tokens: int) -> Logits:
    """Wants the first of ``tokens`` most, then the second and so on, whatever stands before."""
    row = np.zeros(len(PIECES), dtype=np.float32)
    for rank, token in enumerate(tokens):
        row[token] = len(tokens) - rank
    return lambda _tokens: row


def erratic(seed: int) -> Logits:
    """Something else after every sequence of tokens, but always the same after the same."""
    return lambda tokens: np.random.default_rng([seed, *tokens]).standard_normal(len(PIECES)).astype(np.float32)


def bytes_of(tokens: Sequence[int]) -> bytes:
    return b"".join(PIECES[token] for token in tokens)


def ids(*pieces: str) -> tuple[int, ...]:
    return tuple(PIECES.index(piece.encode()) for piece in pieces)


def asking(*typed: str, prompt: tuple[int, ...] = PROMPT, max_tokens: int = 50, **options: Any) -> GenerateRequest:
    return GenerateRequest(prompt, ids(*typed), frozenset({STOP}), max_tokens, 60_000, **options)


@dataclass(frozen=True)
class Outcome:
    tokens: tuple[Token, ...]
    stop: StopReason
    timings: Timings

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


def session_on(model: CountingModel) -> LlamaSession:
    fake: Any = model
    return LlamaSession(fake, Vocabulary(model.pieces, model.is_end), Drafter(model.pieces))


def run(
    session: LlamaSession,
    request: GenerateRequest,
    cancelled: Callable[[], bool] = lambda: False,
    progress: Progress | None = None,
) -> Outcome:
    produced = session.run(request, cancelled, (), progress)
    tokens = []
    while True:
        try:
            tokens.append(next(produced))
        except StopIteration as end:
            return Outcome(tuple(tokens), *end.value)


def say(text: str, *typed: str, **options: Any) -> Outcome:
    """A cold session's answer by a model that wants to say ``text``."""
    return run(session_on(CountingModel(speaking(text))), asking(*typed, **options))


# --- Healing -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "said", "shown"),
    [
        ((), "return a", "return a"),
        (("r",), "return a", "eturn a"),
        (("re", "t"), "return a", "urn a"),
        (("return",), "return a", " a"),
        (("def ", "a", "r"), "def area(r):", "ea(r):"),
        (("d", "e", "f", " "), "def area", "area"),
        (("é",), "é😀", "😀"),
        (("r", "e"), "re", ""),
    ],
)
def test_the_answer_goes_on_behind_what_is_typed(typed: tuple[str, ...], said: str, shown: str) -> None:
    outcome = say(said, *typed)
    assert (outcome.text, outcome.stop) == (shown, StopReason.END)


def test_healing_takes_back_a_token_that_ends_too_early() -> None:
    """``re`` + ``t`` are typed, ``return`` is one token: it takes the place of both."""
    outcome = say("return", "re", "t")
    assert [(token.id, token.text) for token in outcome.tokens] == [(ids("return")[0], "urn")]


def test_without_healing_the_typed_tokens_stand() -> None:
    outcome = say("return", "re", "t", heal=False)
    assert [PIECES[token.id] for token in outcome.tokens] == [b"urn"]
    assert outcome.text == "urn"


def test_healed_tokens_may_be_shorter_than_the_typed_ones() -> None:
    model = CountingModel(preferring(*ids("r", "e", "turn", "return")))
    outcome = run(session_on(model), asking("return", max_tokens=2))
    assert [PIECES[token.id] for token in outcome.tokens] == [b"r", b"e", b"turn", b"r", b"r"]
    assert outcome.text == "rr"


def test_typed_text_that_no_token_continues() -> None:
    """The model takes ``r`` for ``re``, and no token of this vocabulary begins with ``e``."""
    model = CountingModel(preferring(*ids("r")))
    model.pieces = [b"" if piece.startswith(b"e") else piece for piece in PIECES]
    outcome = run(session_on(model), asking("re"))
    assert (outcome.stop, outcome.text) == (StopReason.UNHEALABLE, "")


def test_the_end_is_not_an_answer_to_typed_text() -> None:
    """A model that wants to end while typed text is being healed has to write it first."""
    outcome = run(session_on(CountingModel(preferring(END, *ids("return", " a")))), asking("re"))
    assert ([token.text for token in outcome.tokens], outcome.stop) == (["turn"], StopReason.END)


def test_no_stop_token_is_written_into_typed_text() -> None:
    """Some models spell their sentinels: what is typed may begin as one of them does."""
    less, space = ids(":", " ")  # The vocabulary gets a "<" for ":".
    model = CountingModel(preferring(STOP, less, space))
    model.pieces = [b"<" if piece == b":" else piece for piece in PIECES]
    outcome = run(session_on(model), asking(":", max_tokens=1))
    assert STOP not in [token.id for token in outcome.tokens]
    assert "stop>" not in outcome.text


# --- Ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [END, MID, OTHER_CONTROL, STOP])
def test_tokens_that_end(token: int) -> None:
    outcome = run(session_on(CountingModel(preferring(token))), asking())
    assert (outcome.tokens, outcome.stop) == ((), StopReason.END)


def test_a_stop_token_of_another_request_is_text() -> None:
    request = replace(asking(max_tokens=2), stop_ids=frozenset())
    assert run(session_on(CountingModel(preferring(STOP))), request).text == "<stop><stop>"


def test_max_tokens_counts_only_what_is_new() -> None:
    outcome = run(session_on(CountingModel(preferring(*ids("a")))), asking("a", "a", max_tokens=3))
    assert (len(outcome.tokens), outcome.text) == (5, "aaa")
    assert (outcome.stop, outcome.timings.n_decode) == (StopReason.MAX_TOKENS, 3)
    outcome = run(session_on(CountingModel(preferring(*ids("aaaa")))), asking("a", "a", max_tokens=3))
    assert (len(outcome.tokens), outcome.text) == (3, "aa" + "aaaa" * 2)


def test_the_time_budget_leaves_the_best_so_far() -> None:
    model = CountingModel(preferring(*ids("a")))
    outcome = run(session_on(model), replace(asking(), time_budget_ms=-1))
    assert (outcome.text, outcome.stop) == ("a", StopReason.TIME_BUDGET)


def test_a_prompt_that_leaves_no_room_is_not_evaluated() -> None:
    model = CountingModel(preferring(*ids("a")), n_ctx=10)
    session = session_on(model)
    assert run(session, asking("a", max_tokens=5)).stop is StopReason.CONTEXT_FULL
    assert model.evaluations == []
    assert run(session, asking("a", max_tokens=4)).stop is StopReason.MAX_TOKENS


def test_healing_stays_within_the_context() -> None:
    """Typed tokens that are taken back may become many short ones."""
    model = CountingModel(preferring(*ids("a")), n_ctx=len(PROMPT) + 2 + 1)
    outcome = run(session_on(model), asking("aaaa", "aaaa", max_tokens=1))
    assert outcome.stop in (StopReason.CONTEXT_FULL, StopReason.MAX_TOKENS)


def test_a_prompt_of_nothing_but_typed_text() -> None:
    """A model without FIM and without a token for the beginning, on the first line of a file."""
    model = CountingModel(preferring(*ids("return", " a"), END))
    outcome = run(session_on(model), asking("re", prompt=(), max_tokens=1))
    assert outcome.stop is StopReason.MAX_TOKENS


def test_cancelled_before_it_began() -> None:
    model = CountingModel(preferring(*ids("a")))
    outcome = run(session_on(model), asking(), cancelled=lambda: True)
    assert (outcome.tokens, outcome.stop, model.evaluations) == ((), StopReason.CANCELLED, [])


def test_cancelled_on_the_way() -> None:
    answers = iter([False, False, False, True])
    outcome = run(session_on(CountingModel(preferring(*ids("a")))), asking(), cancelled=lambda: next(answers))
    assert (outcome.text, outcome.stop) == ("aaa", StopReason.CANCELLED)


# --- Text --------------------------------------------------------------------------------------------------------


def test_a_character_of_several_tokens_appears_once_it_is_complete() -> None:
    first, second = PIECES.index("😀".encode()[:2]), PIECES.index("😀".encode()[2:])
    answer: dict[int, int] = {MID: first, first: second, second: END}
    model = CountingModel(lambda tokens: preferring(answer[tokens[-1]])(tokens))
    outcome = run(session_on(model), asking())
    assert [token.text for token in outcome.tokens] == ["", "😀"]


def test_a_character_that_is_cut_off_is_left_out() -> None:
    first = PIECES.index("é".encode()[:1])
    answer: dict[int, int] = {MID: ids("a")[0], ids("a")[0]: first, first: END}
    outcome = run(session_on(CountingModel(lambda tokens: preferring(answer[tokens[-1]])(tokens))), asking())
    assert (outcome.text, outcome.stop) == ("a", StopReason.END)


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    outcome = run(session_on(CountingModel(preferring(PIECES.index(b"\xff")))), asking(max_tokens=2))
    assert outcome.text == "��"


def test_log_probabilities_are_those_of_the_whole_vocabulary() -> None:
    """While healing too: what the model thinks of a token does not depend on what was allowed."""
    outcome = run(session_on(CountingModel(preferring(END, *ids("r")))), asking("re", heal=True))
    row = preferring(END, *ids("r"))([]).astype(np.float64)
    expected = row[ids("r")[0]] - np.log(np.exp(row).sum())
    assert outcome.tokens[0].id == ids("r")[0]
    assert outcome.tokens[0].logprob == pytest.approx(expected, abs=1e-5)


# --- Reuse -------------------------------------------------------------------------------------------------------


def counts(outcome: Outcome) -> tuple[int, int]:
    return outcome.timings.n_reused, outcome.timings.n_prefill


def test_the_first_request_reads_everything() -> None:
    model = CountingModel(speaking("return a"))
    outcome = run(session_on(model), asking("re"))
    assert counts(outcome) == (0, 5)  # What takes the place of "re" reaches beyond it: that is decoded.
    assert model.evaluations[0] == 5


def test_the_same_request_again_evaluates_nothing() -> None:
    model = CountingModel(speaking("return area(r)"))
    session = session_on(model)
    first = run(session, asking("return"))
    model.evaluations.clear()
    second = run(session, asking("return"))
    assert (second.tokens, second.stop) == (first.tokens, first.stop)
    assert (counts(second), model.evaluations) == ((6, 0), [])


LONG_PROMPT = (*range(4, 14), MID)


def test_with_a_long_prompt_the_healed_tokens_go_along() -> None:
    """They are a draft: where the model agrees, nothing is evaluated again."""
    model = CountingModel(speaking("def area"))
    outcome = run(session_on(model), asking("def ", "area", prompt=LONG_PROMPT))
    assert outcome.stop is StopReason.END
    assert (counts(outcome), model.evaluations) == ((0, len(LONG_PROMPT) + 2), [len(LONG_PROMPT) + 2])


def test_healing_that_disagrees_evaluates_only_from_there() -> None:
    model = CountingModel(speaking("def area"))
    outcome = run(session_on(model), asking("def ", "a", prompt=LONG_PROMPT))
    assert outcome.text == "rea"
    assert model.evaluations == [len(LONG_PROMPT) + 2, 1]


def test_with_a_warm_prompt_only_what_the_model_chooses_is_evaluated() -> None:
    """A token that is being typed is another one at every key: it is not worth evaluating."""
    model = CountingModel(speaking("def area"))
    session = session_on(model)
    run(session, asking("def "))
    model.evaluations.clear()
    assert counts(run(session, asking("def ", "a"))) == (len(PROMPT) + 1, 0)
    assert counts(run(session, asking("def ", "a", "r"))) == (len(PROMPT) + 1, 0)
    assert model.evaluations == []


def test_typing_what_was_offered_evaluates_nothing() -> None:
    """The user types the ghost text: its tokens and the logits behind them are all there."""
    model = CountingModel(speaking("area(a, b, c)"))
    session = session_on(model)
    run(session, asking())
    typed = [PIECES[token].decode() for token in session._tokens[len(PROMPT) :]]
    model.evaluations.clear()
    for n_typed in range(1, len(typed) + 1):
        outcome = run(session, asking(*typed[:n_typed]))
        assert counts(outcome) == (len(PROMPT) + n_typed, 0)
        assert "".join(typed[:n_typed]) + outcome.text == "area(a, b, c)"
    assert model.evaluations == []


def test_typing_something_else_keeps_what_is_common() -> None:
    model = CountingModel(speaking("area(a, b)"))
    session = session_on(model)
    run(session, asking())
    outcome = run(session, asking("area", "(", "x"))
    assert counts(outcome) == (len(PROMPT) + 2, 1)


def test_another_suffix_keeps_the_beginning() -> None:
    model = CountingModel(speaking("area"))
    session = session_on(model)
    run(session, asking())
    prompt = (*PROMPT[:2], 9, *PROMPT[3:])
    assert counts(run(session, asking(prompt=prompt))) == (2, 3)


def test_a_row_that_is_not_remembered_is_evaluated_again() -> None:
    """Back at the sentinel, its logits are gone if a longer prompt was asked for meanwhile."""
    model = CountingModel(speaking("area(a)"))
    session = session_on(model)
    run(session, asking("area", "(", "a"))
    assert counts(run(session, asking())) == (len(PROMPT) - 1, 1)


def test_many_tokens_do_not_keep_many_rows() -> None:
    session = session_on(CountingModel(erratic(1)))
    request = replace(asking(max_tokens=200), stop_ids=frozenset())
    for seed in range(5):
        run(session, replace(request, token_ids=(*PROMPT, 4 + seed)))
    assert len(session._logits) <= 40


# --- Drafts ------------------------------------------------------------------------------------------------------


def test_what_was_said_before_is_checked_at_once() -> None:
    """After another suffix the model says the same again: in fewer evaluations, and in the same tokens."""
    model = CountingModel(speaking("return area(r), area(def)"))
    session = session_on(model)
    first = run(session, asking())
    model.evaluations.clear()
    again = run(session, asking(prompt=(*PROMPT[:2], 9, *PROMPT[3:])))
    assert [token.id for token in again.tokens] == [token.id for token in first.tokens]
    assert again.timings.n_decode == len(first.tokens)
    assert again.timings.n_drafts_kept >= len(first.tokens) // 2
    assert len(model.evaluations) < len(first.tokens)
    assert session._tokens == model.cache


# --- After an abort ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_evaluated", "n_reused"), [(0, 0), (3, 3), (5, 5), (6, 5), (7, 5)])
def test_after_an_abort_the_session_knows_what_is_there(n_evaluated: int, n_reused: int) -> None:
    """What stands in the cache without its logits has to be evaluated again where these are wanted."""
    model = CountingModel(speaking("return aaaaaa"))
    session = session_on(model)
    model.abort_after = n_evaluated
    aborted = run(session, asking("re"))
    assert aborted.stop is StopReason.CANCELLED
    assert session._tokens == model.cache
    assert aborted.timings.n_reused + aborted.timings.n_prefill <= n_evaluated
    model.abort_after = None
    again = run(session, asking("re"))
    assert again.text == "turn aaaaaa"
    assert again.timings.n_reused == n_reused


def test_after_a_failure_everything_is_read_anew() -> None:
    model = CountingModel(speaking("return a"))
    session = session_on(model)
    run(session, asking("re"))
    model.broken = True
    with pytest.raises(RuntimeError, match="status 1"):
        run(session, asking("a"))
    assert session._tokens == model.cache == []
    model.broken = False
    again = run(session, asking("re"))
    assert (again.text, counts(again)) == ("turn a", (0, 5))


# --- Grammar -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "grammar", "said", "stop"),
    [
        ("return a", "return a", "return a", StopReason.END),
        ("return a", "def area|return", "return", StopReason.END),
        ("zzz", "area", "area", StopReason.END),
        ("r", "r|return", "r", StopReason.END),
        ("return", "r|return", "return", StopReason.END),
        ("ret", "return", "return", StopReason.END),
        ("a", "aX", "a", StopReason.OFF_GRAMMAR),
        ("a", "X", "", StopReason.OFF_GRAMMAR),
        ("<stop>", "a", "a", StopReason.END),
    ],
)
def test_text_obeys_the_grammar(wanted: str, grammar: str, said: str, stop: StopReason) -> None:
    outcome = say(wanted, grammar=grammar)
    assert (outcome.text, outcome.stop) == (said, stop)


def test_what_can_only_end_is_not_evaluated_any_more() -> None:
    model = CountingModel(speaking("area"))
    outcome = run(session_on(model), asking(grammar="area"))
    assert (outcome.stop, model.evaluations) == (StopReason.END, [len(PROMPT)])


def test_log_probabilities_are_those_before_the_grammar() -> None:
    row = preferring(END, *ids("r"))([]).astype(np.float64)
    [token] = run(session_on(CountingModel(preferring(END, *ids("r")))), asking(grammar="r")).tokens
    assert token.logprob == pytest.approx(row[token.id] - np.log(np.exp(row).sum()), abs=1e-5)


def test_a_bad_grammar_is_refused_before_anything_is_evaluated() -> None:
    model = CountingModel(speaking("area"))
    with pytest.raises(InputError):
        run(session_on(model), asking(grammar=" "))
    assert model.evaluations == []


# --- Stop texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "stops", "text", "n_tokens"),
    [
        ("area(a, b)", (), "area(a, b)", 6),
        ("area(a, b)", (", ",), "area(a", 5),
        ("return area", ("n a",), "retur", 2),
        ("return area", ("rea", "turn"), "re", 1),
        ("aaaaaaa\n:", ("\n",), "aaaaaaa", 4),
        ("é😀(", ("😀",), "é", 3),
    ],
)
def test_a_stop_text_ends_the_generation(said: str, stops: tuple[str, ...], text: str, n_tokens: int) -> None:
    outcome = say(said, stop_texts=stops)
    generation = generation_of(asking(stop_texts=stops), outcome.tokens, outcome.stop, outcome.timings)
    assert (generation.text, generation.stop) == (text, StopReason.END)
    assert "".join(token.text for token in generation.tokens) == text
    assert outcome.timings.n_decode == n_tokens if stops else True


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -1.0},
        {"temperature": math.nan},
        {"top_p": 0.0},
        {"seed": -1},
        {"stop_texts": ("",)},
        {"n_samples": 2},
        {"n_samples": 99, "temperature": 1.0},
        {"n_alternatives": 1, "priority": Priority.COMMAND},
        {"n_alternatives": 1, "temperature": 1.0},
        {"grammar": "a", "typed_ids": (4,)},
        {"grammar": "a", "n_alternatives": 1},
        {"n_samples": 2, "temperature": 1.0, "typed_ids": (4,)},
    ],
)
def test_what_cannot_be_asked_for_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"[;,].*\.$"):
        replace(asking(), **wrong)


# --- Sampling ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("grammar", ["", "|".join(a + b for a in "abcdef" for b in "abcdef")])
def test_each_place_is_drawn_by_itself(grammar: str) -> None:
    """And a request draws the same again, whatever was drafted meanwhile."""
    row = np.full(len(PIECES), -50, dtype=np.float32)
    row[list(ids(*"abcdef"))] = 0
    session = session_on(CountingModel(lambda _tokens: row))
    requests = [asking(max_tokens=2, temperature=1.0, seed=seed, grammar=grammar) for seed in range(200)]
    texts = [run(session, request).text for request in requests]
    assert texts == [run(session, request).text for request in requests]
    assert len(set(texts)) > 30, "of 36"


# --- Suspension --------------------------------------------------------------------------------------------------

commands = st.builds(
    asking,
    prompt=st.lists(st.sampled_from(range(4, 12)), max_size=70).map(lambda tokens: (*tokens, MID)),
    max_tokens=st.integers(1, 40),
    priority=st.sampled_from([Priority.COMMAND, Priority.BACKGROUND]),
    temperature=st.sampled_from([0.0, 0.7, 2.0]),
    top_p=st.sampled_from([0.5, 1.0]),
    seed=st.integers(0, 3),
    grammar=st.sampled_from(["", "", "return area|return|area(a, aa, aaa, aaaa)|def (a)"]),
    stop_texts=st.sampled_from([(), ("aa", "re"), ("é", "area")]),
)
ahead = st.builds(
    lambda request, typed: replace(request, typed_ids=ids(*typed), grammar="", priority=Priority.BACKGROUND),
    commands,
    st.lists(st.sampled_from(["a", "aa", "re", "r", "é"]), max_size=4),
)
"""Work done ahead of a key is healed."""

interruptions = st.lists(
    st.tuples(st.none() | st.integers(0, 6), st.none() | st.integers(0, 40), st.booleans(), st.booleans()), max_size=12
)
"""When it is told to give way, and when evaluation is aborted; whether something else uses the sequence meanwhile, and
whether the sequence is lost."""


@given(commands | ahead, st.integers(0, 1000), interruptions)
def test_a_suspended_request_says_what_it_would_have_said(
    request: GenerateRequest, seed: int, times: list[tuple[int | None, int | None, bool, bool]]
) -> None:
    logits = erratic(seed)
    whole = run(session_on(CountingModel(logits)), request)
    model = CountingModel(logits)
    session, progress = session_on(model), Progress()
    said: list[Token] = []
    for cancel_after, model.abort_after, is_used, is_lost in [*times, (None, None, False, False)]:
        part = run(session, request, after(cancel_after), progress)
        said += part.tokens
        if part.stop is not StopReason.CANCELLED:
            break
        model.abort_after = None
        if is_used:
            run(session, asking("re", "a", max_tokens=5))
        if is_lost:
            session.forget()
    assert tuple(said) == whole.tokens
    assert (part.stop, part.timings.n_decode) == (whole.stop, whole.timings.n_decode)
    assert session._tokens == model.cache
    if not any(is_used or is_lost for *_, is_used, is_lost in times):
        n_lost = 2 * len(times)  # Of each interruption a token that had no logits yet, or was to be healed.
        assert part.timings.n_prefill <= whole.timings.n_prefill + n_lost
        assert part.timings.n_reused == 0


def test_what_a_suspension_takes_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither to the time budget nor to the timings. Every look at the clock takes a millisecond."""
    clock = itertools.count(0, 0.001)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    session, progress = session_on(CountingModel(preferring(*ids("a")))), Progress()
    request = replace(asking(max_tokens=40), time_budget_ms=300)
    first = run(session, request, after(3), progress)
    clock = itertools.count(1000, 0.001)
    whole = run(session, request, progress=progress)
    assert (first.stop, whole.stop) == (StopReason.CANCELLED, StopReason.MAX_TOKENS)
    assert whole.timings.prefill_ms + whole.timings.decode_ms < 300
    clock = itertools.count(2000, 0.01)
    assert run(session, request, progress=Progress()).stop is StopReason.TIME_BUDGET


def test_the_time_budget_is_for_all_parts_together(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(0, 0.01)
    monkeypatch.setattr(time, "perf_counter", lambda: next(clock))
    session, progress, said = session_on(CountingModel(preferring(*ids("a")))), Progress(), 0
    request = replace(asking(max_tokens=40), time_budget_ms=200)
    stop = StopReason.CANCELLED
    while stop is StopReason.CANCELLED:
        part = run(session, request, after(2), progress)
        stop, said = part.stop, said + len(part.tokens)
    assert stop is StopReason.TIME_BUDGET
    assert said < 20


def test_between_keys_a_prompt_gets_on() -> None:
    """However little is evaluated before each: what is tried at once becomes less until something is kept."""
    model = CountingModel(preferring(*ids("a")))
    session, progress = session_on(model), Progress()
    request = asking(prompt=(*[4] * 200, MID), max_tokens=1, priority=Priority.COMMAND)

    evaluate = model.evaluate

    def all_or_nothing(tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        """All that is evaluated at once is lost if it is aborted, as with llama.cpp."""
        budget, model.abort_after = model.abort_after, None
        if budget is not None and budget < len(tokens):
            del model.cache[start:]
            raise Aborted
        row = evaluate(tokens, start, n_logits)
        model.abort_after = None if budget is None else budget - len(tokens)
        return row

    model.evaluate = all_or_nothing  # type: ignore[method-assign]
    n_times, stop = 0, StopReason.CANCELLED
    while stop is StopReason.CANCELLED and n_times < 100:
        n_times, model.abort_after = n_times + 1, 6
        stop = run(session, request, progress=progress).stop
    assert n_times < 70


# --- Whatever happens --------------------------------------------------------------------------------------------

ALPHABET = [*ids("a", "aa", "aaaa", "r", "re", "ea", "area", " a", "é"), PIECES.index("é".encode()[:1])]


@dataclass(frozen=True)
class Step:
    request: GenerateRequest
    cancel_after: int | None
    abort_after: int | None


requests = st.builds(
    GenerateRequest,
    token_ids=st.lists(st.sampled_from(ALPHABET), max_size=4).map(lambda tokens: (*tokens, MID)),
    typed_ids=st.lists(st.sampled_from(ALPHABET[:-1]), max_size=5).map(tuple),
    stop_ids=st.sampled_from([frozenset[int](), frozenset({STOP}), frozenset(ids("r", " a"))]),
    max_tokens=st.integers(1, 45),
    time_budget_ms=st.just(60_000.0),
    heal=st.booleans(),
)
steps = st.builds(
    Step,
    requests,
    cancel_after=st.none() | st.integers(0, 6),
    abort_after=st.none() | st.integers(0, 12),
)


def after(n_questions: int | None) -> Callable[[], bool]:
    asked = iter(range(10_000))
    return lambda: n_questions is not None and next(asked) >= n_questions


@given(st.lists(steps, min_size=1, max_size=8), st.integers(0, 1000))
@example([Step(asking("re", max_tokens=40), None, None)] * 2, 0)
def test_a_warm_session_answers_as_a_cold_one(history: list[Step], seed: int) -> None:
    logits = erratic(seed)
    model = CountingModel(logits)
    warm = session_on(model)
    for step in history:
        model.abort_after = step.abort_after
        run(warm, step.request, after(step.cancel_after))
        assert warm._tokens == model.cache
        for position, row in warm._logits.items():
            assert (row == logits(model.cache[: position + 1])).all()
    model.abort_after = None
    last = history[-1].request
    cold = run(session_on(CountingModel(logits)), last)
    again = run(warm, last)
    assert (again.tokens, again.stop) == (cold.tokens, cold.stop)
    n_sure = len(last.token_ids) + len(last.typed_ids) - (min(2, len(last.typed_ids)) if last.heal else 0)
    assert again.timings.n_reused + again.timings.n_prefill >= n_sure
    assert again.timings.n_drafts_kept <= again.timings.n_drafted


@given(requests, st.integers(0, 1000))
def test_healing_never_disagrees_with_what_is_typed(request: GenerateRequest, seed: int) -> None:
    outcome = run(session_on(CountingModel(erratic(seed))), request)
    n_healed = min(2, len(request.typed_ids)) if request.heal else 0
    typed = bytes_of(request.typed_ids[len(request.typed_ids) - n_healed :])
    written = bytes_of([token.id for token in outcome.tokens])
    assert written.startswith(typed) or typed.startswith(written)
    behind = written[len(typed) :]
    assert behind.decode(errors="replace").startswith(outcome.text)
    assert len(behind) - len(outcome.text.encode()) < 4 or "�" in outcome.text
    beyond = sum(
        len(bytes_of([t.id for t in outcome.tokens[: i + 1]])) > len(typed) for i in range(len(outcome.tokens))
    )
    assert outcome.timings.n_decode == beyond <= request.max_tokens
