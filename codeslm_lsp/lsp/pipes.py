"""A server on standard input and output, which its event loop reads by itself.

pygls has a thread read them, and hands each line over to it and back: a change and a request are six lines, and cost a
key up to 1 ms more.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
import sys

from pygls.exceptions import JsonRpcException
from pygls.io_ import StdoutWriter

from codeslm_lsp.lsp.frames import NoFrame, bodies
from codeslm_lsp.lsp.server import CodeslmServer

_log = logging.getLogger(__name__)


def serve_pipes(server: CodeslmServer) -> None:
    """Answer until the client closes the pipe, or tells the server to exit.

    Raises ``SystemExit`` for the latter, and with 1 where what it sends are no messages.
    """
    if not _can_be_watched(sys.stdin.fileno()):
        server.start_io()
        return
    try:
        asyncio.run(_serve(server))
    except (BrokenPipeError, KeyboardInterrupt):
        pass  # The editor has gone.
    finally:
        server.shutdown()  # type: ignore[no-untyped-call]


async def _serve(server: CodeslmServer) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    server.protocol.set_writer(StdoutWriter(sys.stdout.buffer))
    try:
        async for body in bodies(reader):
            _handle(server, body)
    except NoFrame as problem:
        _log.error("what the client sends are no messages: %s; start the server again", problem)
        raise SystemExit(1) from None
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        _log.error("the client's messages ended in the middle of one (%s)", type(error).__name__)
    finally:  # ``exit`` comes right behind ``shutdown``, when the engine has not been told yet that it may go.
        await server.session.close()


def _handle(server: CodeslmServer, body: bytes) -> None:
    """One message. pygls' own loop would take an object inside of one for a message, too."""
    try:
        message = json.loads(body)
        if not isinstance(message, dict) or "jsonrpc" not in message:
            raise ValueError("it is no message of JSON-RPC")
        server.protocol.handle_message(server.protocol.structure_message(message))
    except BrokenPipeError:
        raise
    except Exception as error:  # Whatever it is, the next message is another one.
        server.report_server_error(error, JsonRpcException)


def _can_be_watched(stdin: int) -> bool:
    """Whether an event loop can read it without changing what others use.

    It is a pipe or a socket of its own: reading one that is written to as well would make writing non-blocking too.
    """
    if sys.platform == "win32":
        return False
    status = os.fstat(stdin)
    if not (stat.S_ISFIFO(status.st_mode) or stat.S_ISSOCK(status.st_mode)):
        return False
    outputs = (os.fstat(stream.fileno()) for stream in (sys.stdout, sys.stderr))
    return all((other.st_dev, other.st_ino) != (status.st_dev, status.st_ino) for other in outputs)
