"""``codeslm …``: argument parsing and wiring. Errors meant for the user end here: one sentence and exit code 2."""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from typing import Annotated

import typer

from codeslm_lsp import __version__
from codeslm_lsp.cli.lazy import LazyGroup
from codeslm_lsp.cli.terminal import Console, is_plain, make_help_plain
from codeslm_lsp.settings import Settings, resolve, sources_here
from codeslm_lsp.values import CodeslmError, InputError

app = typer.Typer(
    cls=LazyGroup,
    help="A code assistant that runs entirely on your own machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"codeslm {__version__}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    model: Annotated[
        str, typer.Option(metavar="NAME", help="A name of `codeslm models list`, or the path of a GGUF file.")
    ] = "",
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A code assistant that runs entirely on your own machine."""
    sources, unreadable = sources_here(Path.cwd())
    settings, problems = resolve(sources)
    for problem in (*unreadable, *problems):
        Console(stderr=True, highlight=False).print(problem, style="yellow", soft_wrap=True, markup=False)
    if model:  # Who names one means it for commands, too.
        one = {"model": model, "commands": settings.commands.model_copy(update={"model": ""})}
        settings = settings.model_copy(update=one)
    context.obj = settings


@app.command()
def serve(
    context: typer.Context,
    tcp: Annotated[str, typer.Option(metavar="HOST:PORT", help="Listen on a loopback address, not on stdio.")] = "",
    openai: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Answer /v1/completions and /infill on a loopback address instead."),
    ] = "",
    unfiltered: Annotated[bool, typer.Option("--unfiltered", hidden=True)] = False,
) -> None:
    """Run the language server for an editor, on standard input and output."""
    if openai:
        if tcp:
            raise InputError("`--tcp` and `--openai` exclude each other; start two servers, which share one engine.")
        _serve_http(context.obj, *_loopback(openai))
        return
    # ``--unfiltered`` is for ``codeslm eval``: how much the filters are worth. Whoever starts the process says so;
    # it is no setting, so that no project, editor or environment can have a user shown what is known to be wrong.
    from codeslm_lsp.cli.wiring import launch, launch_for_commands, launch_unfiltered
    from codeslm_lsp.lsp.pipes import serve_pipes
    from codeslm_lsp.lsp.server import build_server

    address = _loopback(tcp) if tcp else None
    chosen = context.obj.model
    start = launch_unfiltered if unfiltered else launch

    def with_model(settings: Settings) -> Settings:
        return settings if settings.model else settings.model_copy(update={"model": chosen})

    server = build_server(
        lambda settings: start(with_model(settings)), lambda settings: launch_for_commands(with_model(settings))
    )
    if address is None:
        serve_pipes(server)
        return
    try:
        server.start_tcp(*address)
    except OSError as error:
        raise InputError(f"Cannot listen on {tcp}: {error.strerror or error}; choose another port.") from None


def _serve_http(settings: Settings, host: str, port: int) -> None:
    from codeslm_lsp.cli.wiring import launch
    from codeslm_lsp.serving.app import build_app
    from codeslm_lsp.serving.key import access_key
    from codeslm_lsp.serving.listen import listen
    from codeslm_lsp.serving.offer import Offer

    key, place = access_key()

    def tell(sentence: str) -> None:
        Console(stderr=True, highlight=False, markup=False).print(sentence, soft_wrap=True)

    def opened() -> Offer:
        offer = Offer(launch, settings, Path.cwd())
        tell(offer.message)
        return offer

    listen(build_app(opened, key), host, port, lambda address: tell(f"Listening on {address}; the key is in {place}."))


def _loopback(address: str) -> tuple[str, int]:
    """Host and port of a loopback address. Raises ``InputError``: the server must not be reached from elsewhere."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        if not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
            raise InputError(f"{host} is not a loopback address; use 127.0.0.1, so that only this machine can connect.")
        if not 0 <= int(port) <= 65535:
            raise InputError(f"{port} is not a port; choose one from 1024 to 65535.")
        return host, int(port)
    except ValueError:
        raise InputError(f"Give the address as HOST:PORT, such as 127.0.0.1:9257; '{address}' is not one.") from None


def main() -> None:
    """The console script."""
    if is_plain():
        make_help_plain()
    try:
        app(standalone_mode=True)
    except CodeslmError as error:
        Console(stderr=True, highlight=False).print(str(error), style="red", soft_wrap=True, markup=False)
        sys.exit(2)
