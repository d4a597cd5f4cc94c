"""``python -m tests.fuzz.gguf_header SECONDS [SEED]``: damaged model files → the reader of headers, then llama.cpp.

Whatever is done to a file, the reader says that it is damaged or reads it, within limits of memory, and so does
whatever makes a prompt's format of it. What passes is given to an engine process now and then: it may end that, never
the one that asks.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

from codeslm_lsp.completion.model_format import format_of
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.values import EngineError, ModelDamaged, ModelUnsuitable
from tests.fuzz.chance import run_script
from tests.support.tiny_gguf import QWEN_SENTINELS, write_bpe_model

MAX_GROWTH_BYTES = 400 << 20
"""Of the whole run. The largest of these files has 300 MB, of which most is nothing."""

PATIENCE_S = 60

COUNTS = (0, 1, 2**16, 2**16 + 1, 2**22, 2**31, 2**32 - 1, 2**61, 2**63 - 1, 2**63, 2**64 - 1)


def text(value: bytes) -> bytes:
    return struct.pack("<Q", len(value)) + value


def entry(key: bytes, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def truncated(whole: bytes, n_header: int, chance: random.Random) -> bytes:
    return whole[: chance.randrange(min(len(whole), 2 * n_header))]


def flipped(whole: bytes, n_header: int, chance: random.Random) -> bytes:
    """Some bits of the header are others."""
    data = bytearray(whole)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        data[chance.randrange(n_header)] ^= 1 << chance.randrange(8)
    return bytes(data)


def counted_wrongly(whole: bytes, n_header: int, chance: random.Random) -> bytes:
    """Numbers of 64 bits, of which most are lengths, are others."""
    data = bytearray(whole)
    for _ in range(chance.randint(1, 3)):
        place = chance.choice((8, 16, chance.randrange(24, n_header - 8)))
        struct.pack_into("<Q", data, place, chance.choice(COUNTS))
    return bytes(data)


def moved(whole: bytes, n_header: int, chance: random.Random) -> bytes:
    """Some of the header stands twice, or is missing."""
    first, end = sorted(chance.randrange(24, n_header) for _ in range(2))
    part = whole[first:end] if chance.random() < 0.5 else b""
    return whole[:first] + part * 2 + whole[end:]


def invented(_whole: bytes, _n_header: int, chance: random.Random) -> bytes:
    """Metadata of any type under names that mean something, doubled keys, lists in lists."""
    keys = (
        *(b"general.alignment", b"general.architecture", b"tokenizer.ggml.tokens", b"tokenizer.ggml.merges"),
        *(b"tokenizer.ggml.model", b"tokenizer.ggml.token_type", b"tokenizer.ggml.pre", b"tokenizer.chat_template"),
        *(b"qwen2.context_length", b"tokenizer.ggml.eos_token_id", b"tokenizer.ggml.scores", b"", b"\xff" * 40),
    )
    entries = []
    for _ in range(chance.randint(1, 12)):
        kind = chance.randrange(14)
        if kind == 8:
            value = text(chance.choice((b"gpt2", b"qwen2", b"\xff\xfe", b"{% for %}" * 99, b"\0" * 5000)))
        elif kind == 9:
            element, n = chance.randrange(14), chance.choice((0, 1, 7, 1000))
            body = text(b"ab") * n if element == 8 else bytes(8 * n)
            if element == 9:
                body = struct.pack("<IQ", 9, 1) * chance.choice((1, 10, 20_000))
            value = struct.pack("<IQ", element, chance.choice((n, n, chance.choice(COUNTS)))) + body
        else:
            value = chance.randbytes(8)[: (1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8, 4)[kind]]
        entries.append(entry(chance.choice(keys), kind, value))
    entries += entries[:1]
    return b"GGUF" + struct.pack("<IQQ", chance.choice((2, 3, 3)), 0, len(entries)) + b"".join(entries)


DAMAGES: tuple[Callable[[bytes, int, random.Random], bytes], ...] = (
    truncated,
    flipped,
    counted_wrongly,
    moved,
    invented,
)


class Files:
    """A whole model in ``folder``, and the same with damages."""

    def __init__(self, folder: Path) -> None:
        whole = folder / "whole.gguf"
        write_bpe_model(whole, sentinels=QWEN_SENTINELS, n_embd=32)
        self._whole, self._n_header = whole.read_bytes(), read_header(whole).data_offset
        self.path = folder / "damaged.gguf"
        self._before = _peak_bytes()

    def damage(self, chance: random.Random) -> str:
        """Write another damaged file, and say what was done to it."""
        kind = chance.choice(DAMAGES)
        self.path.write_bytes(kind(self._whole, self._n_header, chance))
        if chance.random() < 0.02:  # It claims to be large, and is: without taking room on the disk.
            os.truncate(self.path, 300 << 20)
        return kind.__name__

    def read(self) -> str:
        """Read the damaged file as a server does that starts with it, and say what came out."""
        try:
            format_of(read_header(self.path), EngineProcess(EngineOptions(self.path)))
        except (ModelDamaged, ModelUnsuitable) as error:
            outcome = type(error).__name__
        else:
            outcome = "read"
        grown = _peak_bytes() - self._before
        assert grown < MAX_GROWTH_BYTES, f"{grown:,} bytes more"
        return outcome

    def load(self) -> str:
        """Let an engine process load the damaged file, and say what came of it."""
        return asyncio.run(self._load())

    async def _load(self) -> str:
        engine = EngineProcess(EngineOptions(self.path, n_ctx=512, shared=False))
        try:
            async with asyncio.timeout(PATIENCE_S):
                await engine.ready(PATIENCE_S * 1000)
        except EngineError as error:
            return f"an engine said: {type(error).__name__}"
        finally:
            await engine.close()
        return "an engine loaded it"


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Read as many as there is time for; one in fifty of those that pass goes to an engine."""
    with tempfile.TemporaryDirectory(prefix="codeslm-fuzz-") as folder:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "CODESLM_SEQUENCES_DIR": folder, "CODESLM_MACHINE_DIR": folder}
        files = Files(Path(folder))

        def once(chance: random.Random) -> str:
            damage, outcome = files.damage(chance), files.read()
            if outcome == "read" and chance.random() < 0.02:
                return f"{damage}: {files.load()}"
            return f"{damage}: {outcome}"

        run_script(once)


if __name__ == "__main__":
    main()
