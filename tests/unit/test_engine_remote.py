"""Remote engines without a server: what they are sent, and what is made of what they say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from codeslm_lsp.completion.model_format import format_by
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.remote_asking import ASSUMED_LOGPROB, Asking, Reading, askings, split_typed
from codeslm_lsp.engine.remote_model import Api, Pieces, RemoteModel, _by_suffix, _by_text
from codeslm_lsp.values import StopReason
from tests.support.replay import ReplayEngine, Script

REQUEST = GenerateRequest((1,), (), frozenset({77}), 8, 1000)


@pytest.mark.parametrize("text", ["def f(x):\n\treturn x  # é 👍🏽\n", "", "\r\n \n", "a" * 1000, "x\u2028y"])
def test_pieces_are_all_of_the_text(text: str) -> None:
    pieces = Pieces(("<a>",))
    assert pieces.text_of(pieces.encode(text)) == text


def test_user_text_is_no_sentinel() -> None:
    pieces = Pieces(("<|fim_prefix|>", "<|fim_middle|>"))
    ids = [0, *pieces.encode("x = '<|fim_"), *pieces.encode("middle|>'"), 1]
    assert pieces.text_of(ids) == "<|fim_prefix|>x = '< |fim_middle|>'<|fim_middle|>"


@pytest.mark.parametrize(
    ("name", "family", "expected"),
    [
        ("Qwen/Qwen2.5-Coder-32B", "", "qwen2.5-coder"),
        ("codegemma:7b-code", "", "codegemma"),
        ("bigcode/starcoder2-15b", "", "starcoder2"),
        ("our-team-model", "codegemma", "codegemma"),
    ],
)
def test_the_family_is_told_by_the_name_or_the_user(name: str, family: str, expected: str) -> None:
    model = _by_text(name, family, is_vllm=False)
    found = format_by(model.vocabulary, model.metadata, ReplayEngine(Script()))
    assert (found.fim.family, model.family_warning) == (expected, "")


def test_an_unknown_family_is_told() -> None:
    model = _by_text("our-team-model", "", is_vllm=False)
    assert "remote.family" in model.family_warning
    assert format_by(model.vocabulary, model.metadata, ReplayEngine(Script())).fim.family == ""


def test_a_suffix_goes_by_itself() -> None:
    model = _by_suffix("any")
    found = format_by(model.vocabulary, model.metadata, ReplayEngine(Script()))
    assert found.fim.family == "generic"
    assert len(found.fim.layout) == 5


@pytest.mark.parametrize(
    ("typed", "parts"),
    [
        ("    ret", ("    ", "ret")),
        ("x = foo.", ("x = foo", ".")),
        ("x = ", ("x =", " ")),
        ("", ("", "")),
        ("a\n", ("a\n", "")),
    ],
)
def test_the_last_word_is_healed_where_a_grammar_can_hold_it(typed: str, parts: tuple[str, str]) -> None:
    there = _model(Api.LLAMA_SERVER)
    assert split_typed(REQUEST, typed, there) == parts
    for api in (Api.OPENAI, Api.SUFFIX):
        assert split_typed(REQUEST, typed, _model(api)) == (parts if typed == "x = " else (typed, ""))


def _model(api: Api) -> RemoteModel:
    known = _by_suffix("any")
    return RemoteModel(api, "any", 4096, known.vocabulary, {})


LLAMA = {"content": "", "stop": False}
EVENTS: list[tuple[list[dict[str, Any]], str, StopReason | None]] = [
    ([{"content": "ret", "completion_probabilities": [{"id": 5, "token": "ret", "logprob": -0.5}]}], "ret", None),
    ([{"content": "a"}, {"content": "b", "stop": True, "stop_type": "limit"}], "ab", StopReason.MAX_TOKENS),
    ([{"content": "", "stop": True, "stop_type": "eos"}], "", StopReason.END),
    ([{"content": "x", "completion_probabilities": [{"id": 77, "token": "x", "logprob": 0}]}], "", StopReason.END),
    ([{"choices": [{"text": "a b", "finish_reason": None}]}], "a b", None),
    (
        [{"choices": [{"text": "ab", "logprobs": {"tokens": ["a", "b"], "token_logprobs": [-1, None]}}]}],
        "ab",
        None,
    ),
    ([{"choices": [{"text": "a", "logprobs": {"content": [{"token": "a", "logprob": -2}, 3]}}]}], "a", None),
    ([{"choices": [{"text": "a", "logprobs": {"tokens": 3, "content": 3}}]}], "a", None),
    ([{"choices": [{"text": "", "finish_reason": "length"}]}], "", StopReason.MAX_TOKENS),
    ([{"choices": [{"text": "", "finish_reason": "stop"}]}], "", StopReason.END),
    ([{"choices": []}, {"choices": [3]}, {"choices": "x"}, {}, {"content": 3}, {"timings": [1]}], "", None),
    ([{"content": "a", "completion_probabilities": [3, {"token": 4}], "timings": {"prompt_n": "x"}}], "a", None),
    ([{"content": "é", "completion_probabilities": [{"id": 1, "token": "\ufffd"}, {"id": 2, "token": ""}]}], "é", None),
]


@pytest.mark.parametrize(("events", "text", "stop"), EVENTS)
def test_what_servers_say(events: list[dict[str, Any]], text: str, stop: StopReason | None) -> None:
    reading = Reading(Asking("", {}), REQUEST, 0)
    tokens = [token for event in events for token in reading.tokens(event)]
    assert ("".join(token.text for token in tokens), reading.stop) == (text, stop)
    assert all(token.logprob <= 0 and token.id >= 0 for token in tokens)


def test_text_that_comes_later_than_its_tokens() -> None:
    """As vLLM has it, which keeps back what may become the end of the answer, also in the middle of a token."""
    told = [("os", ["os"], [-1.0]), ("", [".", "path"], [-2.0, -3.0]), (".pa", [], []), ("th\n", ["\n"], [-4.0])]
    events: list[dict[str, Any]] = [
        {"choices": [{"text": text, "logprobs": {"tokens": a, "token_logprobs": b}}]} for text, a, b in told
    ]
    reading = Reading(Asking("", {}), REQUEST, 0)
    tokens = [(token.text, token.logprob) for event in events for token in reading.tokens(event)]
    assert tokens == [("os", -1.0), (".", -2.0), ("path", -3.0), ("\n", -4.0)]


def test_nothing_waits_when_the_answer_ends() -> None:
    logprobs = {"tokens": ["paths", "x"], "token_logprobs": [-1.0, -2.0]}
    choices: list[dict[str, Any]] = [{"text": "pa", "logprobs": logprobs}, {"text": "", "finish_reason": "stop"}]
    events = [{"choices": [each]} for each in choices]
    reading = Reading(Asking("", {}), REQUEST, 0)
    assert [token.text for event in events for token in reading.tokens(event)] == ["pa"]
    assert reading.stop is StopReason.END


@pytest.mark.parametrize("said", [["a = 1", "<|end|>", "junk"], ["a = 1<|end|>junk"], ["a", " = 1<|end|>"]])
def test_an_answer_ends_before_a_sentinel_that_its_server_does_not_mind(said: list[str]) -> None:
    reading = Reading(Asking("", {}, ends=("<|other|>", "<|end|>")), REQUEST, 0)
    tokens = []
    for each in said:
        tokens += [token.text for token in reading.tokens({"choices": [{"text": each}]})]
        if reading.stop is not None:
            break
    assert ("".join(tokens), reading.stop) == ("a = 1", StopReason.END)


def test_no_more_ends_are_sent_than_servers_take() -> None:
    """vLLM refuses more than four. Those that end an answer by themselves are known here all the same."""
    model = _by_text("Qwen2.5-Coder-7B", "", is_vllm=True)
    (asking,) = askings(replace(REQUEST, stop_texts=("\n\n",)), [0], "", model)
    assert asking.body["stop"][0] == "\n\n"
    assert len(asking.body["stop"]) == 4
    assert set(asking.ends) == {"\n\n", *model.sentinels}


@pytest.mark.parametrize(
    ("healed", "said", "text", "stop"),
    [
        ("ret", ["ret", "urn"], "urn", None),
        ("ret", ["return"], "urn", None),
        ("ret", ["r", "e", "turn", " x"], "urn x", None),
        ("ret", ["pass"], "", StopReason.UNHEALABLE),
        (" ", [" x"], "x", None),
        (" ", [" ", " x"], " x", None),
        (" ", ["x"], "x", None),
        (" ", ["\n", "x"], "\nx", None),
    ],
)
def test_what_was_healed_is_not_said_twice(healed: str, said: list[str], text: str, stop: StopReason | None) -> None:
    reading = Reading(Asking("", {}, healed), REQUEST, 0)
    tokens = [token for each in said for token in reading.tokens({"content": each})]
    assert ("".join(token.text for token in tokens), reading.stop) == (text, stop)
    assert all(token.logprob == ASSUMED_LOGPROB for token in tokens)
