"""An application and a loopback address → a server that runs until it is interrupted."""

from __future__ import annotations

import socket
from collections.abc import Callable

import uvicorn
from starlette.applications import Starlette

from codeslm_lsp.values import InputError


def listen(app: Starlette, host: str, port: int, tell: Callable[[str], None]) -> None:
    """Serve until the process is asked to end. ``tell`` is told the address; port 0 takes a free one.

    Raises ``InputError`` where the address is taken. What is asked is never logged: it holds code.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen()  # Who is told the address may connect at once.
    except OSError as error:
        bound.close()
        raise InputError(f"Cannot listen on {host}:{port}: {error.strerror or error}; choose another port.") from None
    shown = f"[{host}]" if ":" in host else host
    tell(f"http://{shown}:{bound.getsockname()[1]}")
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    uvicorn.Server(config).run(sockets=[bound])
