"""What engine and servers say to each other, as each reads it."""

from __future__ import annotations

from typing import Any

import pytest

from codeslm_lsp.engine.wire import Connection


@pytest.mark.parametrize("number", [3, "three", None])
def test_an_error_can_be_read_and_does_not_end_the_connection(number: Any) -> None:
    error = {"code": -32000, "message": "too many", "data": {"more": ["than", 1]}}
    read: Any = Connection().protocol.structure_message({"jsonrpc": "2.0", "id": number, "error": error})
    assert (read.id, read.error.message) == (number, "too many")
