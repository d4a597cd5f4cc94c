"""Settings → the real engine on a real model file: the one place where both are put together."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.model_format import ModelFormat, format_by, format_of
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.models.choose import choose_for_this_machine
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.store import Store, open_store
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import ModelError, ModelNotFound


def launch(settings: Settings) -> Launched:
    """Begin to start the engine on an installed model, or meet the remote one; never downloads.

    Raises ``ModelError``.
    """
    if settings.remote.urls:
        return _remote(settings)
    return _launched(settings, *model_path(settings, open_store()))


def launch_for_commands(settings: Settings) -> Launched | None:
    """Begin to start the engine that answers commands, if that is not the one that completes. Raises ``ModelError``."""
    if not settings.commands.model:
        return None
    store = open_store()
    path = store.find(settings.commands.model)
    with suppress(ModelNotFound):  # Nothing completes then.
        if path == model_path(settings, store)[0]:
            return None
    return _launched(settings, path, f"{settings.commands.model}: chosen by the setting 'commands.model'.", yields=True)


def launch_unfiltered(settings: Settings) -> Launched:
    """The same, with what the model generates shown as it is. Raises ``ModelError``."""
    return replace(launch(settings), filters=())


def engine_options(settings: Settings, path: Path) -> EngineOptions:
    """How the settings want this model run."""
    return EngineOptions(
        model_path=path,
        n_ctx=settings.engine.context_tokens,
        n_ubatch=settings.engine.microbatch_tokens,
        n_threads=settings.engine.threads,
        cache_bytes=settings.engine.cache_megabytes << 20,
        idle_minutes=settings.engine.idle_minutes,
        shared=settings.engine.shared,
        background_share=settings.engine.background_share,
        disk_bytes=settings.engine.disk_cache_megabytes << 20,
    )


def model_path(settings: Settings, store: Store) -> tuple[Path, str]:
    """The file of the model to run, and a sentence saying why this one. Raises ``ModelNotFound``."""
    if settings.model:
        return store.find(settings.model), f"{settings.model}: chosen by the setting 'model'."
    choice = choose_for_this_machine(store)
    try:
        return store.find(choice.name), choice.reason
    except ModelNotFound:
        raise ModelNotFound(f"No model is installed; run `codeslm models pull {choice.name}`.") from None


def _remote(settings: Settings) -> Launched:
    """The engine on other machines, and behind it the one of this machine, which starts when it is asked."""
    from codeslm_lsp.engine.remote import RemoteEngine, RemoteOptions  # The network, only where it is wanted.

    remote = settings.remote
    key = os.environ.get("CODESLM_REMOTE_KEY", "").strip()
    engine = RemoteEngine(RemoteOptions(remote.urls, remote.api, remote.model, remote.family, key))
    fallback = None
    if remote.local:
        with suppress(ModelError):
            path, message = model_path(settings, open_store())
            fallback = _prepared(settings, path, message)[1]

    async def read_format() -> ModelFormat:
        model = await engine.model()
        found = format_by(model.vocabulary, model.metadata, engine)
        if model.pieces is not None:
            found = replace(found, chat=None, chat_refusal="Commands need a local model, or a remote llama-server.")
        return replace(found, warning=model.family_warning or found.warning)

    behind = "" if fallback is None else f" Where it does not answer: {fallback.message}"
    message = f"The setting 'remote.urls' has code completed at {', '.join(remote.urls)}.{behind}"
    return Launched(engine, read_format, message, is_remote=True, fallback=fallback)


def _launched(settings: Settings, path: Path, message: str, *, yields: bool = False) -> Launched:
    engine, launched = _prepared(settings, path, message, yields=yields)
    engine.start()
    return launched


def _prepared(settings: Settings, path: Path, message: str, *, yields: bool = False) -> tuple[EngineProcess, Launched]:
    """An engine that starts when it is asked. Raises ``ModelError``."""
    header = read_header(path)  # llama.cpp itself ends the process on a damaged file.
    engine = EngineProcess(replace(engine_options(settings, path), yields=yields))
    model_format = format_of(header, engine)

    async def read_format() -> ModelFormat:
        return model_format

    return engine, Launched(engine, read_format, message)
