"""One continuation of a prompt while it is produced: logits → its next token, and why it is over.

Knows nothing of where the logits come from, so it goes on after a suspension as if there had been none.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from codeslm_lsp.engine.constraint import Constraint, Grammar
from codeslm_lsp.engine.healing import ByteTrie
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.sampling import Sampling
from codeslm_lsp.engine.stop_texts import StopTexts
from codeslm_lsp.values import BRANCH_END, StopReason, Token


class Vocabulary:
    """What the tokens of one model stand for.

    ``pieces[token]`` are a token's bytes. ``is_over[token]``: with this token the model ends its text, or it stands for
    none. ``single_bytes`` are the tokens of one byte. ``trie`` has the tokens that may continue typed text: one that
    ends the text is none, even where its spelling would fit.
    """

    def __init__(self, pieces: Sequence[bytes], is_end: Callable[[int], bool]) -> None:
        self.pieces = pieces
        self.is_over = np.array([not piece or is_end(token) for token, piece in enumerate(pieces)], dtype=np.bool_)
        spelled = [b"" if over else piece for piece, over in zip(pieces, self.is_over, strict=True)]
        self.trie = ByteTrie(spelled)
        self.single_bytes = np.array([token for token, piece in enumerate(spelled) if len(piece) == 1], dtype=np.intp)


class Continuation:
    """A text from ``start`` on, which is the position of its first token.

    ``number`` is that of its branch. ``remaining`` are bytes that the user has typed already and that it has to begin
    with. ``said`` are its tokens so far, ``n_new`` of which reach beyond those bytes. ``stop`` says why it is over.
    """

    def __init__(
        self,
        request: GenerateRequest,
        vocabulary: Vocabulary,
        start: int,
        *,
        number: int = 0,
        remaining: bytes = b"",
        grammar: Grammar | None = None,
    ) -> None:
        self.number = number
        self.remaining = remaining
        self.said: list[Token] = []
        self.n_new = 0
        self.stop: StopReason | None = None
        self._request = request
        self._vocabulary = vocabulary
        self._start = start
        self._is_over = vocabulary.is_over.copy()
        self._is_over[[token for token in request.stop_ids if 0 <= token < len(self._is_over)]] = True
        self._sampling = Sampling(request.temperature, request.top_p, request.seed, number)
        self._constraint = Constraint(grammar, self._is_over, vocabulary.single_bytes) if grammar else None
        self._stop_texts = StopTexts(request.stop_texts)
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # A character may take several tokens.
        self._chosen, self._logprob = -1, 0.0

    @property
    def position(self) -> int:
        """Where its next token belongs."""
        return self._start + len(self.said)

    @property
    def ids(self) -> list[int]:
        """Its tokens so far."""
        return [token.id for token in self.said]

    @property
    def reaches_beyond_typed(self) -> bool:
        """Whether the chosen token does."""
        return len(self._vocabulary.pieces[self._chosen]) > len(self.remaining)

    def choose(self, logits: NDArray[np.float32]) -> None:
        """Choose what is said next, by the logits behind what was said last; or come to an end."""
        if self.remaining:
            allowed = self.allowed()
            if not len(allowed):
                self.stop = StopReason.UNHEALABLE
                return
            token: int | None = int(allowed[np.argmax(logits[allowed])])
        elif self._constraint is not None:
            token = self._constraint.choose(logits, self._sampling.at(self.position))
        else:
            token = self._sampling.at(self.position).choose(logits)
        if token is None:
            self.stop = StopReason.OFF_GRAMMAR
        elif self._is_over[token]:
            self.stop, self._logprob = StopReason.END, logprob(logits, token)
        else:
            self.choose_token(token, logits)

    def choose_token(self, token: int, logits: NDArray[np.float32]) -> None:
        """This token is said next."""
        self._chosen, self._logprob = token, logprob(logits, token)

    def say(self) -> Token:
        """The chosen token."""
        piece = self._vocabulary.pieces[self._chosen]
        text = self._decoder.decode(piece[len(self.remaining) :])
        self.n_new += self.reaches_beyond_typed
        self.remaining = self.remaining[len(piece) :]
        token = Token(self._chosen, text, self._logprob, self.number)
        self.said.append(token)
        if self._constraint is not None:
            self._constraint.accept(token.id)
        if self._stop_texts.push(text) or (self._constraint is not None and self._constraint.is_finished()):
            self.stop, self._logprob = StopReason.END, 0.0
        elif self.n_new >= self._request.max_tokens:
            self.stop = StopReason.MAX_TOKENS
        return token

    def ended(self) -> Token:
        """Says that it has ended by itself, and how likely that was."""
        return Token(BRANCH_END, "", self._logprob, self.number)

    def heard(self, token: Token) -> Token:
        """What another one has said, as this one's."""
        return replace(token, branch=self.number)

    def allowed(self) -> NDArray[np.intp]:
        """The tokens that agree with what is typed, and do not end the text."""
        allowed = self._vocabulary.trie.candidates(self.remaining) if self.remaining else np.arange(len(self._is_over))
        return allowed[~self._is_over[allowed]]

    def fork(self, number: int) -> Continuation:
        """Another one that has said the same so far. Not under a grammar."""
        other = Continuation(self._request, self._vocabulary, self._start, number=number, remaining=self.remaining)
        other.said, other.n_new = list(self.said), self.n_new
        other._decoder.setstate(self._decoder.getstate())
        other._stop_texts = self._stop_texts.copy()
        return other


def logprob(logits: NDArray[np.float32], token: int) -> float:
    """log softmax(logits)[token], over the whole vocabulary."""
    top = logits.max()
    return float(logits[token] - top - np.log(np.exp(logits - top).sum()))
