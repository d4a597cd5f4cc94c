"""What engine and servers say to each other, as each reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.wire import GENERATE, Connection, request_from_json, request_to_json


@pytest.mark.parametrize("number", [3, "three", None])
def test_an_error_can_be_read_and_does_not_end_the_connection(number: Any) -> None:
    error = {"code": -32000, "message": "too many", "data": {"more": ["than", 1]}}
    read: Any = Connection().protocol.structure_message({"jsonrpc": "2.0", "id": number, "error": error})
    assert (read.id, read.error.message) == (number, "too many")


async def test_a_message_is_read_as_it_was_written() -> None:
    written: list[bytes] = []
    sender = Connection()
    sender.protocol.set_writer(_Written(written))
    params = {"token_ids": [1, 2, 3], "text": "é\n", "typed": {"parts": ["a"], "guard": ""}, "grammar": None}
    sender.protocol.send_request_async(GENERATE, params).cancel()
    _, _, body = written[0].partition(b"\r\n\r\n")
    read = json.loads(body, object_hook=Connection().protocol.structure_message)
    assert (read.method, read.params, read.jsonrpc) == (GENERATE, params, "2.0")


@pytest.mark.parametrize("may_be_saved", [True, False])
def test_a_request_is_the_same_at_the_other_end(may_be_saved: bool) -> None:
    request = GenerateRequest((1, 2), (3,), frozenset({4}), 5, 6.0, document="a.py", may_be_saved=may_be_saved)
    assert request_from_json(json.loads(json.dumps(request_to_json(request)))) == request


class _Written:
    def __init__(self, written: list[bytes]) -> None:
        self._written = written

    def write(self, data: bytes) -> None:
        self._written.append(data)

    def close(self) -> None:
        pass
