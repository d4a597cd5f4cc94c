"""Grammars: which texts llama.cpp may be given, what it allows then, and which token is said. No model is evaluated."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import llama_cpp
import numpy as np
import pytest

from codeslm_lsp.engine.constraint import Constraint
from codeslm_lsp.engine.continuation import Vocabulary
from codeslm_lsp.engine.gbnf import MAX_CHARACTERS, MAX_DEPTH, check_grammar
from codeslm_lsp.engine.llama_grammar import LlamaGrammar
from codeslm_lsp.engine.sampling import Sampling
from codeslm_lsp.values import InputError
from tests.support.tiny_gguf import write_bpe_model

JSON = r"""
root ::= "{" ws pair ("," ws pair)* "}"  # One object.
pair ::= string ":" ws value
string ::= "\"" [^"\\]* "\""
value ::= string | [0-9]+ | "true"
ws ::= [ \n]*
"""


class Spelling:
    """The vocabulary of a tiny model file, of which only that is loaded."""

    def __init__(self, path: Path) -> None:
        params = llama_cpp.llama_model_default_params()
        params.vocab_only = True
        llama_cpp.llama_log_set(_log_nothing, ctypes.c_void_p(0))
        self._model: Any = llama_cpp.llama_model_load_from_file(str(path).encode(), params)
        self.pointer: Any = llama_cpp.llama_model_get_vocab(self._model)
        self.n_vocab = int(llama_cpp.llama_vocab_n_tokens(self.pointer))
        self.end = int(llama_cpp.llama_vocab_eos(self.pointer))
        self.vocabulary = Vocabulary([self._piece(token) for token in range(self.n_vocab)], lambda t: t == self.end)
        [self.a_sentinel, *_] = [t for t in np.flatnonzero(self.vocabulary.is_over).tolist() if t != self.end]

    def ids(self, text: str) -> list[int]:
        """One token for each byte."""
        single = {self.vocabulary.pieces[token]: int(token) for token in self.vocabulary.single_bytes}
        return [single[bytes([byte])] for byte in text.encode()]

    def grammar(self, text: str, said: str = "") -> LlamaGrammar:
        grammar = LlamaGrammar(self.pointer, text)
        for token in self.ids(said):
            grammar.accept(token)
        return grammar

    def constraint(self, text: str, said: str = "") -> Constraint:
        return Constraint(self.grammar(text, said), self.vocabulary.is_over, self.vocabulary.single_bytes)

    def _piece(self, token: int) -> bytes:
        if llama_cpp.llama_vocab_is_control(self.pointer, token):
            return b""
        buffer = ctypes.create_string_buffer(64)
        length = llama_cpp.llama_token_to_piece(self.pointer, token, buffer, 64, 0, False)
        return buffer.raw[:length]


@llama_cpp.llama_log_callback
def _log_nothing(_level: int, _text: bytes, _user_data: ctypes.c_void_p) -> None: ...


@pytest.fixture(scope="module")
def spelling(tmp_path_factory: pytest.TempPathFactory) -> Spelling:
    path = tmp_path_factory.mktemp("model") / "tiny.gguf"
    write_bpe_model(path)
    return Spelling(path)


SOUND = [
    'root ::= "a"',
    'root ::= ""',
    "root ::= ",
    'root ::= ("a"*)*',
    'root ::= x* "a"\nx ::= "b" root | "(" x ")"',
    'root ::= "a" root | "b"',
    'root ::= [(|#"] "(" # (((\n',
    'root ::= item{2,3} | ("#" item?)+\nitem ::= [^\\]]',
    'list ::= "[" root "]"\nroot ::= list | "x"',
    "root ::= " + "(" * (MAX_DEPTH - 1) + '"a"' + ")" * (MAX_DEPTH - 1),
    JSON,
]
FATAL = [
    'root ::= root "a" | "b"',
    'root ::= x\nx ::= y "a"\ny ::= root | "b"',
    'root ::= x root "a" | "b"\nx ::= "c"*',
    'root ::= "a" x\nx ::= y? x "b" | "c"\ny ::= "d"',
    'root ::= ("" x){0,2} root "a" | "b"\nx ::= "c"{0,3}',
    'root ::= (a | "b") "c"\na ::= ("d"? | "e") (a "f" | "g")',
    "root ::= " + "(" * 20_000 + '"a"' + ")" * 20_000,
    'root ::= "a" ' * MAX_CHARACTERS,
    'root ::= "a\0b"',
]
MALFORMED = [
    *(" ", 'root ::= "a', 'foo ::= "a"', "root ::= bar", "root ::= [a-", 'root = "a"', 'root ::= (("a")'),
    *('root ::= "\\x', "root ::= <foo>", 'root ::= "a"{99999999999999999999}', 'root ::= ("a"{1,2000}){1,2000}'),
]


@pytest.mark.parametrize("text", SOUND, ids=lambda text: text[:40])
def test_what_is_sound_is_taken(spelling: Spelling, text: str) -> None:
    spelling.grammar(text)


@pytest.mark.parametrize("text", FATAL, ids=lambda text: text[:40])
def test_what_llama_cpp_would_not_survive_is_refused(text: str) -> None:
    """Of these it hangs, or ends the process, or says no; it is not asked."""
    with pytest.raises(InputError):
        check_grammar(text)


def test_left_recursion_is_named() -> None:
    with pytest.raises(InputError, match="rule item begins with itself"):
        check_grammar('root ::= item\nitem ::= "a"* item "b" | "c"')


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_no_grammar_is_refused(spelling: Spelling, text: str) -> None:
    with pytest.raises(InputError):
        spelling.grammar(text)


def test_a_grammar_allows_what_may_come_next(spelling: Spelling) -> None:
    tokens = np.array(spelling.ids('{"a1 :}'), dtype=np.intp)
    expected = {"": "{", "{": '" ', '{"a': '{"a1 :}', '{"a": 1': "1}", '{"a": 1}': ""}
    for said, allowed in expected.items():
        found = spelling.grammar(JSON, said).allowed(tokens)
        assert {token for token, may in zip('{"a1 :}', found, strict=True) if may} == set(allowed), said


def test_the_text_may_end_only_where_the_grammar_is_complete(spelling: Spelling) -> None:
    complete = [said for said in ("", "{", '{"a":1', '{"a":1}') if spelling.grammar(JSON, said).is_complete()]
    assert complete == ['{"a":1}']
    numbers = "root ::= [0-9]+"
    assert [spelling.constraint(numbers, said).is_finished() for said in ("", "1", "12")] == [False] * 3
    assert [spelling.constraint(JSON, said).is_finished() for said in ("{", '{"a":1}')] == [False, True]


def test_what_is_not_allowed_is_never_told_to_llama_cpp(spelling: Spelling) -> None:
    """Which would end the process."""
    [x] = spelling.ids("x")
    for grammar in (spelling.grammar(JSON), spelling.grammar(JSON, '{"a":1}')):
        with pytest.raises(ValueError, match="not allowed"):
            grammar.accept(x)


def test_a_character_of_several_tokens(spelling: Spelling) -> None:
    first, second = spelling.ids("é")
    grammar = spelling.grammar('root ::= "é"')
    assert grammar.allowed(np.array([first, second])).tolist() == [True, False]
    grammar.accept(first)
    assert not grammar.is_complete()
    grammar.accept(second)
    assert grammar.is_complete()


def choose(spelling: Spelling, constraint: Constraint, *wanted: int) -> int | None:
    """What is said by a model that wants these tokens, the first most."""
    logits = np.zeros(spelling.n_vocab, dtype=np.float32)
    for rank, token in enumerate(wanted):
        logits[token] = 20.0 - rank
    return constraint.choose(logits, Sampling().at(0))


def test_what_the_model_wants_is_said_if_it_is_allowed(spelling: Spelling) -> None:
    one, two, x = spelling.ids("12x")
    assert choose(spelling, spelling.constraint('root ::= "2" | "1"'), one, two) == one
    assert choose(spelling, spelling.constraint('root ::= "2" | "1"'), x, two, one) == two


def test_what_is_unlikely_is_found_too(spelling: Spelling) -> None:
    [q] = spelling.ids("q")
    wanted = [token for token in range(spelling.n_vocab) if token != q][:300]
    assert choose(spelling, spelling.constraint('root ::= "q"'), *wanted) == q


def test_a_stuck_grammar_allows_nothing(spelling: Spelling) -> None:
    constraint = spelling.constraint(r"root ::= [^\x00-\U7FFFFFFF]")
    assert choose(spelling, constraint, spelling.end) is None
    assert not constraint.is_finished()


def test_no_sentinel_is_text(spelling: Spelling) -> None:
    """llama.cpp takes one for its spelling, which a string may contain; said, it would be no text."""
    [x] = spelling.ids("x")
    inside = spelling.constraint(JSON, '{"a')
    assert choose(spelling, inside, spelling.a_sentinel, spelling.end, x) == x
    assert choose(spelling, spelling.constraint(JSON, '{"a":1}'), x, spelling.end) == spelling.end


def test_what_is_drawn_follows_the_model_among_what_is_allowed(spelling: Spelling) -> None:
    one, two, x = spelling.ids("12x")
    logits = np.full(spelling.n_vocab, -30.0, dtype=np.float32)
    logits[[one, two, x]] = np.log([0.1, 0.3, 0.6])
    constraint = spelling.constraint("root ::= [0-9]")
    drawn = [constraint.choose(logits, Sampling(1.0, 1.0, seed).at(0)) for seed in range(2000)]
    assert set(drawn) == {one, two}
    assert np.mean([token == two for token in drawn]) == pytest.approx(0.75, abs=0.03)


def test_a_grammar_with_too_many_readings_is_given_up(spelling: Spelling) -> None:
    """Before it takes minutes."""
    text = 'root ::= (a a | a)* "b"\na ::= ([x] root? | [x] [x]?)* [x]'
    with pytest.raises(InputError, match="too many ways"):
        spelling.grammar(text, "x" * 30)
