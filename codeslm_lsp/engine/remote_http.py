"""One HTTP server that runs a model: requests to it, and what goes wrong with them, as sentences.

Together with the other ``remote`` modules the only part of the engine that reaches another machine, and only the one
that the user's own settings name: no proxy of the environment is taken, and no redirection is followed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from codeslm_lsp.values import EngineError, EngineUnavailable

MAX_EVENT_CHARS = 1 << 20
"""One event of a stream is a token with its probability; whoever sends more than this in one is not listened to."""

MAX_ANSWER_BYTES = 1 << 24


class RemoteServer:
    """A server at ``url``. ``key`` goes along with every request, if there is one."""

    def __init__(self, url: str, key: str, connect_s: float, silence_s: float) -> None:
        self.url = url.rstrip("/")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.AsyncClient(
            headers=headers,
            timeout=httpx2.Timeout(silence_s, connect=connect_s),
            trust_env=False,
            follow_redirects=False,
        )

    async def get(self, path: str) -> dict[str, Any] | None:
        """A JSON object; ``None`` where the server has nothing at this path. Raises as ``post``."""
        return await self._answer("GET", path, None)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A JSON object.

        Raises ``EngineUnavailable`` where the server does not answer, ``EngineError`` where it refuses.
        """
        answer = await self._answer("POST", path, body)
        if answer is None:
            raise EngineError(f"The remote engine at {self.url} does not know {path}; name another in 'remote.api'.")
        return answer

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The JSON objects of a stream of server-sent events. Raises as ``post``. Leaving it ends the server's work."""
        async with self._sent("POST", path, body) as response:
            await self._check(response, path)
            async for line in response.aiter_lines():
                if len(line) > MAX_EVENT_CHARS:
                    raise EngineError(f"The remote engine at {self.url} sends what is no answer; restart it.")
                name, _, data = line.partition(":")
                if name != "data" or data.strip() == "[DONE]":
                    continue
                event = _object(data)
                if event is None or "error" in event:
                    raise EngineError(f"The remote engine at {self.url} failed ({_reason(data)}); look at its log.")
                yield event

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _answer(self, method: str, path: str, body: Mapping[str, Any] | None) -> dict[str, Any] | None:
        async with self._sent(method, path, body) as response:
            if response.status_code in (404, 405, 501):
                return None
            await self._check(response, path)
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > MAX_ANSWER_BYTES:
                    break
            answer = _object(bytes(data))
        if answer is None:
            raise EngineError(f"What answers at {self.url}{path} is no engine; correct 'remote.urls'.")
        return answer

    async def _check(self, response: httpx2.Response, path: str) -> None:
        if response.is_success:
            return
        said = _reason((await response.aread())[:2000])
        if response.status_code in (401, 403):
            raise EngineUnavailable(f"The remote engine at {self.url} refuses the key; set CODESLM_REMOTE_KEY.")
        if response.status_code == 503:
            raise EngineUnavailable(f"The remote engine at {self.url} is not ready yet ({said}); try again shortly.")
        raise EngineError(f"The remote engine at {self.url} refuses {path} ({response.status_code}: {said}).")

    @asynccontextmanager
    async def _sent(self, method: str, path: str, body: Mapping[str, Any] | None) -> AsyncIterator[httpx2.Response]:
        if self._client.is_closed:
            raise EngineUnavailable("The remote engine has been closed; restart codeslm.")
        try:
            async with self._client.stream(method, self.url + path, json=body) as response:
                yield response
        except httpx2.InvalidURL:
            raise EngineUnavailable(f"'{self.url}' is no address; give one such as http://gpu:8080.") from None
        except httpx2.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise EngineUnavailable(f"The remote engine at {self.url} does not answer ({reason}).") from None


def _object(data: str | bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _reason(data: str | bytes) -> str:
    """What a server says of an error, shortened: it may repeat what was sent."""
    found = _object(data)
    error = found.get("error", found.get("message")) if found else None
    message = error.get("message") if isinstance(error, dict) else error
    return str(message)[:100].replace("\n", " ") if message else "no reason was given"
