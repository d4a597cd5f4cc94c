"""``python -m tests.fuzz.engine_messages SECONDS [SEED]``: a client that has been let in says anything → an engine.

After each client another one is served, by the same process.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from codeslm_lsp.engine import wire
from codeslm_lsp.engine.meeting import meet
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.rendezvous import Place
from codeslm_lsp.values import Priority
from tests.fuzz.chance import ODD, damaged, run_script
from tests.fuzz.lsp_messages import framed, framed_bytes, notice, request
from tests.support.tiny_gguf import write_bpe_model

PATIENCE_S = 120
PROMPT = tuple(range(40, 60))


def asking(chance: random.Random) -> dict[str, Any]:
    """The parameters of a generation that an engine would do."""
    priority = chance.choice(list(Priority))
    options: dict[str, Any] = {"priority": priority}
    if priority is Priority.COMMAND and chance.random() < 0.5:
        options |= {"grammar": 'root ::= "a" | "b" root', "temperature": 0.5, "n_samples": chance.randint(1, 3)}
    typed = () if options.get("grammar") else (45, 46)
    asked = GenerateRequest(PROMPT, typed, frozenset({1}), 4, 1000.0, document="a.py", **options)
    return {"stream": chance.randrange(4), **wire.request_to_json(asked)}


def messages(chance: random.Random, model: Path) -> bytes:
    """Some messages of which some part is not what it should be; the last may be no message at all."""
    opened = {
        **{"path": str(model), "n_ctx": 2048, "n_ubatch": 0, "n_threads": 0, "cache_bytes": 0, "disk_bytes": 0},
        **{"background_share": 1.0, "yields": False, "idle_s": 600.0},
    }
    sent = []
    for number in range(chance.randint(1, 12)):
        kind, parameters = chance.choice((
            (wire.OPEN, opened),
            (wire.GENERATE, asking(chance)),
            (wire.GENERATE, asking(chance)),
            (wire.GENERATE, asking(chance)),
            (wire.CANCEL, {"stream": 1}),
            (wire.ENOUGH, {"stream": 2}),
            (wire.ENCODE, {"texts": ["def f(x):\n", "é😀"]}),
            (wire.WARM, {"token_ids": list(PROMPT)}),
            (wire.BYE, {}),
            (wire.TOKEN, {"stream": 1, "id": 3, "text": "x", "logprob": 0.0, "branch": 0}),
            ("engine/nothing", {}),
        ))  # fmt: skip
        whole = damaged(parameters, chance, chance.randint(0, 2)) if parameters else chance.choice(ODD)
        is_notice = kind in (wire.CANCEL, wire.ENOUGH, wire.TOKEN) or chance.random() < 0.1
        sent.append(framed(notice(kind, whole) if is_notice else request(kind, whole, number)))
    end = chance.choice((
        b"",
        b"",
        framed(chance.choice(ODD)),
        framed_bytes(chance.randbytes(50)),
        chance.randbytes(500),
        b"Content-Length: 500\r\n\r\n{",
        framed_bytes(b"[" * 100_000),
        json.dumps(sent[0].decode()).encode(),
    ))  # fmt: skip
    return b"".join([*sent, end])


async def visit(place: Place, data: bytes, chance: random.Random) -> None:
    """Come as a client, say all that, hear some of the answers, and go, perhaps before they come."""
    meeting = await meet(place)
    with suppress(ConnectionError, TimeoutError):
        meeting.writer.write(data)
        await meeting.writer.drain()
        async with asyncio.timeout(chance.choice((0.0, 0.05, 0.5))):
            while await meeting.reader.read(1 << 16):
                pass
    meeting.writer.close()
    assert meeting.candidate is None, "there was no engine"


async def is_served(engine: EngineProcess, pid: int | None) -> None:
    """Ask for a generation, as other clients do."""
    async with asyncio.timeout(PATIENCE_S):
        async with engine.generate(GenerateRequest(PROMPT, (), frozenset(), 2, 600_000)) as stream:
            assert (await stream.result()).tokens
    assert engine.pid == pid, "it was another engine"


def place_in(runtime: Path) -> Place:
    """The one place of this runtime folder."""
    [card] = runtime.glob("codeslm/*/card")
    return Place(card.parent)


def main() -> None:
    """One engine lives as long as it can."""
    with tempfile.TemporaryDirectory(prefix="codeslm-fuzz-") as folder, asyncio.Runner() as runner:
        os.environ |= {"XDG_RUNTIME_DIR": folder, "CODESLM_SEQUENCES_DIR": folder, "CODESLM_MACHINE_DIR": folder}
        model = Path(folder, "tiny.gguf")
        write_bpe_model(model)
        engine = EngineProcess(EngineOptions(model, n_ctx=2048))
        runner.run(engine.ready(PATIENCE_S * 1000))
        place, pid = place_in(Path(folder)), engine.pid

        def once(chance: random.Random) -> str:
            data = messages(chance, model)
            try:
                runner.run(visit(place, data, chance))
                runner.run(is_served(engine, pid))
            except BaseException:
                kept = Path(tempfile.gettempdir()) / "fuzzed_engine_messages"
                kept.write_bytes(data)
                print(f"others are not served behind what is in {kept}")
                raise
            return "others are served"

        run_script(once)
        runner.run(engine.close())


if __name__ == "__main__":
    main()
