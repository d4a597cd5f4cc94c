"""What of a file that is longer than the window still reaches the model."""

from __future__ import annotations

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.settings import PromptSettings, Settings
from codeslm_lsp.values import Cursor, Document, Trigger
from tests.support.replay import FORMAT, SUF, ByteTokenizer, ReplayEngine, Script

BODY = "".join(f"        value_{n} = {n}\n" for n in range(400))
PYTHON = f'''import zlib
from pathlib import Path


def unrelated():
    return 1


class Archive:
    """Files."""

    def compress(self, path):
{BODY}        return ‸
'''
GO = 'package a\n\nimport (\n\t"fmt"\n)\n\nfunc (s *Server) Handle(r Request) {\n' + BODY + "\t‸\n}\n"


async def prompt_of(marked: str, language: str, path: str) -> str:
    engine = ReplayEngine(Script())

    async def read_format() -> ModelFormat:
        return ModelFormat(FORMAT, ByteTokenizer())

    settings = Settings(prompt=PromptSettings(max_tokens=1024))
    document = Document(f"file:///{path}", path, language, 1, marked.replace("‸", ""))
    await Completer(engine, read_format, settings).complete(document, Cursor(marked.index("‸")), Trigger.INVOKED)
    [request] = engine.requests
    assert len(request.token_ids) <= 1024
    return bytes(request.token_ids[1 : request.token_ids.index(SUF)]).decode()


async def test_imports_and_enclosing_headers_come_along_in_python() -> None:
    prefix = await prompt_of(PYTHON, "python", "archive.py")
    assert prefix.startswith("import zlib\nfrom pathlib import Path\nclass Archive:\n")
    assert "    def compress(self, path):\n" in prefix
    assert "unrelated" not in prefix
    assert "value_0 =" not in prefix
    assert prefix.endswith("value_399 = 399\n")


async def test_imports_and_enclosing_headers_come_along_in_go() -> None:
    prefix = await prompt_of(GO, "go", "server.go")
    assert '"fmt"' in prefix
    assert "func (s *Server) Handle(r Request) {\n" in prefix
    assert "value_0 =" not in prefix
