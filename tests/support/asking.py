"""Commands asked with the replaying engine and a real mathematician."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from codeslm_lsp.mathematics.mathematician import Mathematician
from codeslm_lsp.reasoning.question import Means, Question
from codeslm_lsp.reasoning.run import run
from codeslm_lsp.reasoning.speaker import ChatModel, Speaker
from codeslm_lsp.values import Answer, Document
from tests.support.replay import CHAT, ByteTokenizer, ReplayEngine, Script


class Asker:
    """Asks one command after the other. ``heard`` is what was said while it was being written."""

    def __init__(self, replies: Sequence[tuple[str, str]], folder: Path | None, *, may_run: bool) -> None:
        self.engine = ReplayEngine(Script(replies=replies))
        self.heard: list[str] = []
        self.mathematician = Mathematician()
        self._folder = folder
        self._may_run = may_run

    async def ask(self, name: str, question: Question) -> Answer:
        async def read_model() -> ChatModel:
            return ChatModel(self.engine, CHAT, ByteTokenizer())

        speaker = Speaker(read_model, name)
        means = Means(speaker, self.mathematician, self.heard.append, None, self._folder, None, self._may_run)
        return await run(name, question, means)


@asynccontextmanager
async def asking(*replies: tuple[str, str], folder: Path | None = None, may_run: bool = False) -> AsyncIterator[Asker]:
    """``replies`` as in ``Script``; all of them have to be used."""
    asker = Asker(replies, folder, may_run=may_run)
    try:
        yield asker
        assert not asker.engine.replies
    finally:
        await asker.mathematician.close()


def at(marked: str, path: str = "shapes/area.py") -> Question:
    """A question about a text in which ``‸`` marks the cursor, or twice the selection."""
    start = marked.index("‸")
    text = marked.replace("‸", "", 1)
    end = text.index("‸") if "‸" in text else start
    text = text.replace("‸", "", 1)
    return Question("", Document(f"file:///project/{path}", path, "python", 1, text), start, end)
