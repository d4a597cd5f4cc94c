"""HTTP ⇄ completions: ``/v1/completions``, ``/v1/models``, ``/infill``, ``/health``. For a loopback address."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from codeslm_lsp.serving.answers import failure, infill_answer, openai_answer, openai_parts
from codeslm_lsp.serving.offer import Offer
from codeslm_lsp.serving.requests import Asked, asked_of_infill, asked_of_openai
from codeslm_lsp.values import CodeslmError, InputError

MAX_BODY_BYTES = 16 << 20
"""More than the code of any file that is completed."""

T = TypeVar("T")

Answering = Callable[[Offer, Request], Coroutine[Any, Any, Response]]


def build_app(open_offer: Callable[[], Offer], key: str) -> Starlette:
    """The application. ``open_offer`` is called once its event loop runs; ``key`` has to come with every request."""
    offers: list[Offer] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        offers.append(open_offer())
        try:
            yield
        finally:
            await offers[0].close()

    def guarded(answering: Answering) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        async def endpoint(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ").strip()
            if not secrets.compare_digest(given.encode(), key.encode()):
                return _error(401, "The key is missing or wrong; send it as 'Authorization: Bearer KEY'.")
            try:
                return await answering(offers[0], request)
            except InputError as error:
                return _error(400, str(error))
            except CodeslmError as error:
                return _error(503, str(error))
            except ClientDisconnect:
                return Response(status_code=499)

        return endpoint

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    routes = [
        Route("/health", health),
        Route("/v1/models", guarded(_models)),
        Route("/v1/completions", guarded(_completions), methods=["POST"]),
        Route("/infill", guarded(_infill), methods=["POST"]),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


async def _models(offer: Offer, _request: Request) -> Response:
    model = await offer.model()
    return JSONResponse({"object": "list", "data": [{"id": model.name, "object": "model", "owned_by": "codeslm"}]})


async def _completions(offer: Offer, request: Request) -> Response:
    return await _answered(offer, request, asked_of_openai(await _body(request)), openai_answer, openai_parts)


async def _infill(offer: Offer, request: Request) -> Response:
    return await _answered(
        offer, request, asked_of_infill(await _body(request)), infill_answer, lambda answer: [answer]
    )


async def _answered(
    offer: Offer,
    request: Request,
    asked: Asked,
    answer: Callable[[Any, Asked], dict[str, Any]],
    parts: Callable[[dict[str, Any]], list[dict[str, Any]]],
) -> Response:
    """Post-processing needs the whole text, so a stream has it in one piece."""
    report = await _unless_gone(request, offer.complete(asked))
    if (sentence := failure(report)) is not None:
        return _error(503, sentence)
    said = answer(report, asked)
    if not asked.streams:
        return JSONResponse(said)
    events = [f"data: {json.dumps(part)}\n\n" for part in parts(said)]
    return StreamingResponse(iter([*events, "data: [DONE]\n\n"]), media_type="text/event-stream")


async def _body(request: Request) -> dict[str, Any]:
    """Raises ``InputError``."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY_BYTES:
            raise InputError(f"The request has more than {MAX_BODY_BYTES >> 20} MiB; send the code around the cursor.")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise InputError("The request is not a JSON object.")
    return body


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Raises ``ClientDisconnect`` when the client has gone; then the work is ended."""
    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _error(status: int, sentence: str) -> Response:
    kind = "invalid_request_error" if status < 500 else "server_error"
    return JSONResponse({"error": {"message": sentence, "type": kind, "param": None, "code": None}}, status)
