"""Which KV sequence a request continues, on a model of a few dozen tokens whose sequences share one cache."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codeslm_lsp.engine.llama_lanes import WORTH_SAVING_TOKENS, Lanes
from codeslm_lsp.engine.llama_model import N_SEQUENCES
from codeslm_lsp.engine.progress import Progress
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.sequence_folder import SequenceFolder
from codeslm_lsp.values import Priority, StopReason, Timings
from tests.unit.test_engine_session import END, MID, PIECES, Logits, Words, after, erratic, preferring


@dataclass
class PooledModel:
    """What ``Lanes`` needs of ``LlamaModel``; ``evaluations`` holds (sequence, number of tokens) of each call."""

    logits: Logits
    n_cells: int = 10_000
    n_ctx: int = 500
    verify_cost: tuple[tuple[int, float], ...] = ()
    pieces: list[bytes] = field(default_factory=lambda: PIECES)
    caches: dict[int, list[int]] = field(default_factory=lambda: {number: [] for number in range(N_SEQUENCES)})
    evaluations: list[tuple[int, int]] = field(default_factory=list)

    def evaluate(self, sequence: int, tokens: Sequence[int], start: int, n_logits: int) -> NDArray[np.float32]:
        cache = self.caches[sequence]
        assert 0 <= start <= len(cache), "a hole in the cache"
        del cache[start:]
        cache.extend(tokens)
        assert sum(map(len, self.caches.values())) <= self.n_cells, "more than the cache holds"
        self.evaluations.append((sequence, len(tokens)))
        return np.stack([self.logits(cache[:end]) for end in range(len(cache) - n_logits + 1, len(cache) + 1)])

    def evaluate_together(
        self, sequences: Sequence[int], tokens: Sequence[int], positions: Sequence[int]
    ) -> NDArray[np.float32]:
        rows = [
            self.evaluate(sequence, [token], position, 1)[0]
            for sequence, token, position in zip(sequences, tokens, positions, strict=True)
        ]
        return np.stack(rows)

    def forget(self, sequence: int) -> None:
        self.caches[sequence].clear()

    def fork(self, source: int, target: int, n_tokens: int) -> None:
        self.caches[target] = self.caches[source][:n_tokens]

    def state(self, sequence: int, n_tokens: int) -> memoryview:
        assert n_tokens <= len(self.caches[sequence])
        return np.array(self.caches[sequence][:n_tokens], dtype=np.int32).view(np.uint8).data

    def set_state(self, sequence: int, state: bytes) -> None:
        self.caches[sequence] = np.frombuffer(state, dtype=np.int32).tolist()
        if sum(map(len, self.caches.values())) > self.n_cells:
            self.caches[sequence] = []

    def n_evaluated(self, sequence: int) -> int:
        return len(self.caches[sequence])

    def is_end(self, token: int) -> bool:
        return token == END

    def grammar(self, text: str) -> Words:
        return Words(text)


def lanes_on(model: PooledModel, folder: SequenceFolder | None = None) -> Lanes:
    fake: Any = model
    return Lanes(fake, folder)


def run(lanes: Lanes, request: GenerateRequest) -> tuple[tuple[int, ...], StopReason, Timings]:
    tokens = lanes.run(request, lambda: False)
    produced = []
    while True:
        try:
            produced.append(next(tokens).id)
        except StopIteration as end:
            return (tuple(produced), *end.value)


def asking(document: str, prompt: Sequence[int], max_tokens: int = 2, typed: Sequence[int] = ()) -> GenerateRequest:
    return GenerateRequest((*prompt, MID), tuple(typed), frozenset(), max_tokens, 60_000, document=document)


def n_prefill(lanes: Lanes, request: GenerateRequest) -> int:
    return run(lanes, request)[2].n_prefill


def block(first: int, n: int = 20) -> list[int]:
    return [4 + (first * 7 + i) % 20 for i in range(n)]


def test_switching_documents_evaluates_nothing_but_the_last_token() -> None:
    lanes = lanes_on(PooledModel(erratic(1)))
    requests = [asking(f"{n}.py", [4 + n, *block(n)]) for n in range(N_SEQUENCES // 2)]
    for request in requests:
        assert n_prefill(lanes, request) == 22
    for request in requests:
        assert n_prefill(lanes, request) <= 1


def test_the_next_prompt_of_a_document_begins_as_the_one_before() -> None:
    """And the one before stays: the user may go back."""
    lanes = lanes_on(PooledModel(erratic(1)))
    before, after = asking("a.py", [*block(1), 5, 5]), asking("a.py", [*block(1), 9, 9, 9])
    assert n_prefill(lanes, before) == 23
    assert n_prefill(lanes, after) == 4
    assert n_prefill(lanes, before) <= 1
    assert n_prefill(lanes, after) <= 1


def test_documents_share_what_their_prompts_share() -> None:
    lanes = lanes_on(PooledModel(erratic(1)))
    run(lanes, asking("a.py", [*block(1), 5]))
    assert n_prefill(lanes, asking("b.py", [*block(1), 6])) == 2


def test_a_document_has_two_lanes_and_does_not_take_those_of_others() -> None:
    model = PooledModel(erratic(1))
    lanes = lanes_on(model)
    other = asking("other.py", block(50))
    run(lanes, other)
    for n in range(3 * N_SEQUENCES):
        run(lanes, asking("a.py", [4 + n % 20, *block(n)]))
    assert n_prefill(lanes, other) <= 1
    assert sum(bool(cache) for cache in model.caches.values()) == 3


def test_what_was_used_longest_ago_makes_room() -> None:
    lanes = lanes_on(PooledModel(preferring(END), n_cells=60))
    first, second, third = (asking(f"{n}.py", [4 + n, *block(n)]) for n in range(3))
    for request in (first, second, first, third):
        run(lanes, request)
    assert n_prefill(lanes, first) <= 1
    assert n_prefill(lanes, third) <= 1
    assert n_prefill(lanes, second) == 22


def test_more_documents_than_sequences() -> None:
    lanes = lanes_on(PooledModel(preferring(END)))
    requests = [asking(f"{n}.py", [4 + n, *block(n)]) for n in range(N_SEQUENCES + 3)]
    for request in requests:
        run(lanes, request)
    assert [n_prefill(lanes, request) <= 1 for request in requests[3:]] == [True] * N_SEQUENCES


def test_a_prompt_is_evaluated_without_a_token() -> None:
    lanes = lanes_on(PooledModel(erratic(1)))
    produced, stop, timings = run(lanes, asking("a.py", block(1), max_tokens=0))
    assert (produced, stop, timings.n_prefill) == ((), StopReason.MAX_TOKENS, 21)
    assert n_prefill(lanes, asking("a.py", block(1))) == 0


# --- Over a restart ----------------------------------------------------------------------------------------------

LONG = [4 + n % 23 for n in range(200)]
CHANGED = [*LONG[:150], *[5] * 50]


class Life:
    """One engine after the other on the same folder; an engine's lanes are ``lanes``."""

    def __init__(self, path: Path, **model: Any) -> None:
        self._path = path
        self._model = model
        self.start()

    def start(self) -> None:
        self.folder = SequenceFolder(self._path, b"m" * 32, 1 << 20)
        self.model = PooledModel(**{"logits": erratic(1), **self._model})
        self.lanes = lanes_on(self.model, self.folder)

    def restart(self) -> None:
        self.lanes.save()
        self.start()

    def timings(self, request: GenerateRequest) -> Timings:
        return run(self.lanes, request)[2]

    def n_restored(self, request: GenerateRequest) -> tuple[int, int]:
        timings = self.timings(request)
        return timings.n_restored, timings.n_prefill


def test_after_a_restart_only_the_last_token_is_evaluated(tmp_path: Path) -> None:
    life = Life(tmp_path)
    assert life.n_restored(asking("a.py", LONG)) == (0, 201)
    life.restart()
    assert life.lanes.n_warm((*LONG, MID)) == 201
    assert life.lanes.n_warm((*CHANGED, MID)) == 150
    assert life.n_restored(asking("a.py", LONG)) == (200, 1)
    assert life.n_restored(asking("a.py", LONG)) == (0, 0), "it came from memory"


def test_what_shares_most_is_restored(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG[:100]))
    life.timings(asking("b.py", LONG))
    life.restart()
    assert life.n_restored(asking("c.py", CHANGED)) == (150, 51)


def test_a_lane_that_shares_about_as_much_is_preferred_to_a_file(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG))
    life.restart()
    life.timings(asking("b.py", CHANGED))
    assert life.n_restored(asking("a.py", LONG)) == (0, 51)


def test_what_was_typed_and_generated_is_not_saved(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG, 20, typed=(7, 8, 9)))
    life.restart()
    assert [saved.tokens for saved in life.folder.sequences()] == [(*LONG, MID)]


def test_short_prompts_are_not_saved(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG[: WORTH_SAVING_TOKENS - 2]))
    life.restart()
    assert not life.folder.sequences()


def test_an_unfinished_prompt_is_saved_as_far_as_it_goes(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG))
    [lane] = [lane for lane in life.lanes._lanes if lane.used]
    lane.session._truncate(120)
    life.restart()
    assert [saved.tokens for saved in life.folder.sequences()] == [tuple(LONG[:120])]


def test_nothing_is_saved_twice(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG))
    life.lanes.save()
    life.timings(asking("a.py", LONG, typed=(7, 8, 9)))
    life.timings(asking("b.py", [*LONG, 5, 5, 5]))
    assert life.lanes.save_next() is None, "another document's file holds nearly all of it"
    life.restart()
    life.timings(asking("a.py", LONG))
    assert life.lanes.save_next() is None, "it was restored from there"
    life.timings(asking("a.py", [*LONG, *LONG]))
    assert life.lanes.save_next() is not None


def test_one_file_is_written_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    life = Life(tmp_path)
    for n in range(3):
        life.timings(asking(f"{n}.py", [4 + n, *LONG]))
    gate: Future[None] = Future()
    monkeypatch.setattr(life.folder, "write_soon", lambda *_: gate)
    assert life.lanes.save_next() is gate
    assert life.lanes.save_next() is gate
    assert sum(lane.n_saved > 0 for lane in life.lanes._lanes) == 1
    gate.set_result(None)
    assert life.lanes.save_next() is gate
    assert sum(lane.n_saved > 0 for lane in life.lanes._lanes) == 2


def test_a_damaged_file_is_evaluated_again(tmp_path: Path) -> None:
    life = Life(tmp_path)
    answer = run(life.lanes, asking("a.py", LONG))[:2]
    life.restart()
    assert life.lanes.n_warm((*LONG, MID)) == 201
    [path] = tmp_path.iterdir()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    produced, stop, timings = run(life.lanes, asking("a.py", LONG))
    assert ((produced, stop), timings.n_restored, timings.n_prefill) == (answer, 0, 201)
    assert not list(tmp_path.iterdir())


def test_what_does_not_fit_into_a_smaller_context_window_is_left(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG))
    life.lanes.save()
    small = Life(tmp_path, n_ctx=180)
    assert small.lanes.n_warm((*LONG, MID)) == 0
    assert small.n_restored(asking("a.py", LONG[:120])) == (0, 121)


def test_a_state_that_the_cache_has_no_cells_for_is_evaluated_as_far_as_it_was_shared(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.timings(asking("a.py", LONG))
    life.restart()
    life.timings(asking("b.py", LONG[:60]))
    full: Any = life.model
    full.set_state = lambda sequence, state: life.model.caches[sequence].clear()
    assert life.n_restored(asking("a.py", LONG)) == (0, 141)


prompts = st.lists(st.integers(4, 7), min_size=1, max_size=6)
steps = st.builds(
    asking,
    document=st.sampled_from("abc"),
    prompt=prompts,
    max_tokens=st.integers(0, 3),
    typed=st.lists(st.sampled_from([4, 5, 6]), max_size=3),
)


@given(st.lists(steps, min_size=1, max_size=25), st.integers(0, 1000), st.integers(25, 60))
def test_whatever_was_asked_before_the_answer_is_the_cold_one(
    history: list[GenerateRequest], seed: int, n_cells: int
) -> None:
    model = PooledModel(erratic(seed), n_cells=n_cells)
    warm = lanes_on(model)
    for request in history:
        produced, stop, _ = run(warm, request)
        cold = run(lanes_on(PooledModel(erratic(seed))), request)
        assert (produced, stop) == cold[:2]
        for lane in warm._lanes:
            assert list(lane.session.tokens) == model.caches[warm._lanes.index(lane)]


# --- Alternatives ------------------------------------------------------------------------------------------------


def branches(lanes: Lanes, request: GenerateRequest) -> dict[int, list[int]]:
    tokens = lanes.run(request, lambda: False)
    found: dict[int, list[int]] = {}
    ended: set[int] = set()
    for token in tokens:
        assert token.branch not in ended
        if token.is_end:
            ended.add(token.branch)
        else:
            found.setdefault(token.branch, []).append(token.id)
    longest = max(map(len, found.values()), default=0)
    assert all(
        number in ended for number, ids in found.items() if number and len(ids) < min(longest, request.max_tokens)
    )
    return found


@given(st.integers(0, 1000), st.integers(0, 3), st.lists(st.integers(4, 25), max_size=3))
def test_alternatives_are_what_each_beginning_leads_to(seed: int, n: int, typed: list[int]) -> None:
    """Decoded together they say what each would say by itself, and the first is the answer without alternatives."""
    model = PooledModel(erratic(seed))
    lanes = lanes_on(model)
    request = asking("a", block(1), max_tokens=6, typed=typed)
    found = branches(lanes, replace(request, n_alternatives=n))
    alone, _, _ = run(lanes_on(PooledModel(erratic(seed))), request)
    assert tuple(found.get(0, [])) == alone
    assert len(found) <= 1 + n
    if n and found:
        shared = healed(found[0], b"".join(PIECES[token] for token in typed[-2:]))
        texts = {tuple(tokens) for number, tokens in found.items() if number} | {tuple(found[0][len(shared) :])}
        assert len(texts) == len(found), "no two are the same"
        for number, tokens in found.items():
            head = [*request.token_ids, *typed[: max(0, len(typed) - 2)], *shared, *tokens[:-1]]
            is_decided = number and len(tokens) > 1 and tokens[:-1] != found[0][len(shared) :][: len(tokens) - 1]
            assert not is_decided or int(np.argmax(model.logits(head))) == tokens[-1]
    assert [number for number, cache in model.caches.items() if cache] == [0], "the others are given back"


def test_an_alternative_ends_by_a_stop_text_that_begins_where_all_agreed() -> None:
    r, e, a, b = (PIECES.index(piece) for piece in (b"r", b"e", b"a", b"b"))
    follows = {MID: {r: 1.0}, r: {e: 1.0, a: 0.5}}

    def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
        row = np.full(len(PIECES), -50, dtype=np.float32)
        for token, logit in follows.get(tokens[-1], {b: 1.0}).items():
            row[token] = logit
        return row

    lanes = lanes_on(PooledModel(logits))
    request = replace(asking("a", block(1), max_tokens=6), n_alternatives=1, stop_texts=("re", "ra"))
    assert branches(lanes, replace(request, stop_texts=())) == {0: [r, e, *[b] * 4], 1: [r, a, *[b] * 4]}
    assert branches(lanes, request) == {0: [r, e], 1: [r, a]}


def healed(tokens: Sequence[int], typed: bytes) -> list[int]:
    """The first tokens, which only repeat what is typed."""
    n_bytes = 0
    for number, token in enumerate(tokens):
        n_bytes += len(PIECES[token])
        if n_bytes > len(typed):
            return list(tokens[:number])
    return list(tokens)


# --- Commands ----------------------------------------------------------------------------------------------------


class Command:
    """A request in parts, and what has come of it."""

    def __init__(self, lanes: Lanes, request: GenerateRequest) -> None:
        self._lanes = lanes
        self._request = request
        self.progress = Progress()
        self.said: dict[int, list[int]] = {}
        self.stop = StopReason.CANCELLED

    @property
    def is_over(self) -> bool:
        return self.stop is not StopReason.CANCELLED

    def go_on(self, n_rounds: int | None = None) -> Command:
        """Until it is over, or it has been asked ``n_rounds`` times whether it should give way."""
        tokens = self._lanes.run(self._request, after(n_rounds), self.progress)
        while True:
            try:
                token = next(tokens)
            except StopIteration as end:
                self.stop, _ = end.value
                return self
            if not token.is_end:
                self.said.setdefault(token.branch, []).append(token.id)


def command(document: str, prompt: Sequence[int], **options: Any) -> GenerateRequest:
    settings = {"max_tokens": 12, "priority": Priority.COMMAND, **options}
    return replace(asking(document, prompt), **settings)


samples = st.builds(
    command,
    document=st.sampled_from("xy"),
    prompt=prompts,
    n_samples=st.integers(1, 4),
    temperature=st.sampled_from([0.5, 1.5]),
    seed=st.integers(0, 5),
    grammar=st.sampled_from(["", "return area|return|area(a, aa, aaa, aaaa)|def (a)"]),
    stop_texts=st.sampled_from([(), ("aa", "re", "b")]),
)


turns = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), steps), max_size=12)
"""Which command goes on, for how long, and the completion that interrupts it."""


@given(st.lists(samples, min_size=2, max_size=2), turns, st.integers(0, 1000), st.integers(140, 300))
def test_commands_that_take_turns_between_completions_say_what_each_says_alone(
    requests: list[GenerateRequest], history: list[tuple[int, int, GenerateRequest]], seed: int, n_cells: int
) -> None:
    model = PooledModel(erratic(seed), n_cells=n_cells)
    lanes = lanes_on(model)
    running = [Command(lanes, request) for request in requests]
    for number, n_rounds, completion in history:
        if not running[number].is_over:
            running[number].go_on(n_rounds)
        produced, stop, _ = run(lanes, completion)
        assert (produced, stop) == run(lanes_on(PooledModel(erratic(seed))), completion)[:2]
    for each, request in zip(running, requests, strict=True):
        if not each.is_over:
            each.go_on()
        alone = Command(lanes_on(PooledModel(erratic(seed))), request).go_on()
        assert (each.said, each.stop) == (alone.said, alone.stop)
        for number, lane in enumerate(lanes._lanes):
            assert list(lane.session.tokens) == model.caches[number]


def test_each_sample_is_what_it_is_alone_and_ends_by_itself() -> None:
    """However many are drawn beside it; the first ones of many are those of few."""
    lanes = lanes_on(PooledModel(erratic(3)))
    request = command("x", block(1), temperature=1.0, max_tokens=40, n_samples=5)
    said = Command(lanes, request).go_on().said
    fewer = Command(lanes, replace(request, n_samples=2)).go_on().said
    assert [fewer[0], fewer[1]] == [said[0], said[1]]
    assert Command(lanes, replace(request, n_samples=1)).go_on().said[0] == said[0]
    assert len({tuple(tokens) for tokens in said.values()}) == len(said) >= 4, "one may be empty"
    assert len({len(tokens) for tokens in said.values()}) > 1


def test_samples_share_their_prompt_and_are_decoded_together() -> None:
    model = PooledModel(erratic(3))
    together: list[int] = []
    evaluate_together = model.evaluate_together

    def counting(sequences: Sequence[int], tokens: Sequence[int], positions: Sequence[int]) -> NDArray[np.float32]:
        together.append(len(sequences))
        return evaluate_together(sequences, tokens, positions)

    model.evaluate_together = counting  # type: ignore[method-assign]
    lanes = lanes_on(model)
    done = Command(lanes, command("x", block(1), temperature=1.0, n_samples=3, max_tokens=6)).go_on()
    assert done.progress.timings.n_prefill == 21
    assert together[0] == 3
    assert len(together) <= 5
    assert sum(bool(cache) for cache in model.caches.values()) == 1, "those of the samples are given back"


def test_suspended_samples_evaluate_nothing_again() -> None:
    lanes = lanes_on(PooledModel(erratic(3)))
    suspended = Command(lanes, command("x", block(1), temperature=1.0, n_samples=3, max_tokens=20))
    for n in range(30):
        if not suspended.is_over:
            suspended.go_on(2)
            run(lanes, asking("a.py", [4 + n % 9, 5, 6]))
    assert suspended.is_over
    n_lost = 3 * 20  # The last token of each, which was said but not evaluated when it had to give way.
    assert suspended.progress.timings.n_prefill <= 21 + n_lost
    assert suspended.progress.timings.n_reused == 0


def test_more_samples_than_there_is_room_for() -> None:
    lanes = lanes_on(PooledModel(erratic(3), n_cells=60))
    done = Command(lanes, command("x", block(1), temperature=1.0, n_samples=4, max_tokens=12)).go_on()
    assert (done.said, done.stop) == ({}, StopReason.CONTEXT_FULL)


def test_what_a_command_was_asked_is_not_saved(tmp_path: Path) -> None:
    life = Life(tmp_path)
    Command(life.lanes, command("x", LONG)).go_on()
    life.lanes.save()
    assert not life.folder.sequences()
    life.timings(asking("x", LONG))
    life.lanes.save()
    assert len(life.folder.sequences()) <= 1


def test_what_may_not_be_saved_is_not_and_no_part_of_it_elsewhere(tmp_path: Path) -> None:
    """A prompt that begins like it is saved by itself; the same prompt is not saved later under another pretext."""
    life = Life(tmp_path)
    secret = replace(asking("x", LONG), may_be_saved=False)
    life.timings(secret)
    life.timings(asking("x", LONG))
    life.timings(asking("y", CHANGED))
    life.restart()
    assert [saved.tokens for saved in life.folder.sequences()] == [(*CHANGED, MID)]
    assert life.n_restored(secret) == (150, 51)


blocks = st.lists(st.sampled_from([block(1, 70), block(2, 70), block(3, 40), [5]]), min_size=1, max_size=3)
long_steps = st.builds(
    asking,
    document=st.sampled_from("abc"),
    prompt=blocks.map(lambda parts: [token for part in parts for token in part]),
    max_tokens=st.integers(0, 3),
    typed=st.lists(st.sampled_from([4, 5, 6]), max_size=3),
)


@settings(deadline=None)
@given(st.lists(st.one_of(long_steps, st.none()), min_size=1, max_size=12), st.integers(250, 700))
def test_whatever_was_saved_before_a_restart_the_answer_is_the_cold_one(
    history: list[GenerateRequest | None], n_cells: int
) -> None:
    with TemporaryDirectory() as folder:
        life = Life(Path(folder), n_cells=n_cells)
        for request in history:
            if request is None:
                life.restart()
                continue
            produced, stop, timings = run(life.lanes, request)
            assert (produced, stop) == run(lanes_on(PooledModel(erratic(1))), request)[:2]
            assert timings.n_restored <= timings.n_reused
            for number, lane in enumerate(life.lanes._lanes):
                assert list(lane.session.tokens) == life.model.caches[number]
