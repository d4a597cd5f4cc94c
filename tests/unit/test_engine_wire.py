"""What is asked arrives as it was asked."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.wire import request_from_json, request_to_json
from codeslm_lsp.values import Priority

ids = st.lists(st.integers(0, 200_000), max_size=4)
requests = st.builds(
    GenerateRequest,
    token_ids=ids.map(tuple),
    typed_ids=st.just(()),
    stop_ids=ids.map(frozenset),
    max_tokens=st.integers(0, 4096),
    time_budget_ms=st.floats(0, 1e6),
    heal=st.booleans(),
    document=st.text(max_size=5),
    priority=st.sampled_from(Priority),
    n_samples=st.integers(1, 8),
    temperature=st.floats(0.1, 2),
    top_p=st.floats(0.1, 1),
    seed=st.integers(0, 1 << 40),
    grammar=st.text(max_size=5),
    stop_texts=st.lists(st.text(min_size=1, max_size=3), max_size=3).map(tuple),
)


@given(requests)
def test_a_request_survives_the_wire(request: GenerateRequest) -> None:
    assert request_from_json(json.loads(json.dumps(request_to_json(request)))) == request


def test_so_does_one_of_a_completion() -> None:
    request = GenerateRequest((1, 2), (3,), frozenset({4}), 5, 6.0, heal=False, document="a.py", n_alternatives=2)
    assert request_from_json(json.loads(json.dumps(request_to_json(request)))) == request
