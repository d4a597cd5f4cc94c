"""Which KV sequence a request continues, on a model of a few dozen tokens whose sequences share one cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from codeslm_lsp.engine.llama_lanes import Lanes
from codeslm_lsp.engine.llama_model import N_SEQUENCES
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.values import StopReason, Timings
from tests.unit.test_engine_session import END, MID, PIECES, Logits, erratic, preferring


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

    def n_evaluated(self, sequence: int) -> int:
        return len(self.caches[sequence])

    def is_end(self, token: int) -> bool:
        return token == END


def lanes_on(model: PooledModel) -> Lanes:
    fake: Any = model
    return Lanes(fake)


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
    for token in tokens:
        found.setdefault(token.branch, []).append(token.id)
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
    shared = healed(found.get(0, []), b"".join(PIECES[token] for token in typed[-2:]))
    firsts = [found[0][len(shared)]] if len(found.get(0, [])) > len(shared) else []
    for number, tokens in found.items():
        if number:
            firsts.append(tokens[0])
            head = [*request.token_ids, *typed[: max(0, len(typed) - 2)], *shared, *tokens[:-1]]
            assert len(tokens) == 1 or int(np.argmax(model.logits(head))) == tokens[-1]
    assert len(set(firsts)) == len(firsts)
    assert [number for number, cache in model.caches.items() if cache] == [0], "the others are given back"


def healed(tokens: Sequence[int], typed: bytes) -> list[int]:
    """The first tokens, which only repeat what is typed."""
    n_bytes = 0
    for number, token in enumerate(tokens):
        n_bytes += len(PIECES[token])
        if n_bytes > len(typed):
            return list(tokens[:number])
    return list(tokens)
