"""Settings → the real engine on a real model file: the one place where both are put together."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.model_format import ModelFormat, format_of
from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.models.choose import choose_for_this_machine
from codeslm_lsp.models.gguf import read_header
from codeslm_lsp.models.store import Store, open_store
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import ModelNotFound


def launch(settings: Settings) -> Launched:
    """Begin to start the engine on an installed model; never downloads. Raises ``ModelError``."""
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


def _launched(settings: Settings, path: Path, message: str, *, yields: bool = False) -> Launched:
    header = read_header(path)  # llama.cpp itself ends the process on a damaged file.
    engine = EngineProcess(replace(engine_options(settings, path), yields=yields))
    model_format = format_of(header, engine)
    engine.start()

    async def read_format() -> ModelFormat:
        return model_format

    return Launched(engine, read_format, message)
