"""A session starts and ends engines as its settings ask."""

from __future__ import annotations

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.lsp.session import Session
from codeslm_lsp.lsp.status import Status
from codeslm_lsp.lsp.usage import Usage
from codeslm_lsp.reasoning.question import Question
from codeslm_lsp.settings import CommandsSettings, CompletionSettings, Settings
from tests.support.replay import Script, replaying


class Recorder:
    """Launches replaying engines and remembers for which settings."""

    def __init__(self) -> None:
        self.launched: list[Settings] = []
        self.for_commands: list[tuple[str, Launched]] = []
        self.statuses: list[Status] = []
        self.session = Session(
            self.launch,
            self.launch_for_commands,
            self.said,
            self.said,
            self.statuses.append,
            tuple,
            Usage(lambda _uri: None),
        )

    def launch(self, settings: Settings) -> Launched:
        self.launched.append(settings)
        return replaying(Script())

    def launch_for_commands(self, settings: Settings) -> Launched | None:
        if not settings.commands.model:
            return None
        launched = replaying(Script(command_answers=(settings.commands.model,)))
        self.for_commands.append((settings.commands.model, launched))
        return launched

    def said(self, sentence: str) -> None:
        """What the user is told is tested with the real server."""


async def test_an_engine_is_started_once_for_the_same_engine_settings() -> None:
    recorder = Recorder()
    recorder.session.configure(Settings())
    recorder.session.configure(Settings(completion=CompletionSettings(max_tokens=7)))
    assert recorder.launched == [Settings()]
    recorder.session.configure(Settings(model="other"))
    assert recorder.launched == [Settings(), Settings(model="other")]


async def test_settings_that_come_after_the_shutdown_start_nothing() -> None:
    recorder = Recorder()
    recorder.session.close_soon()
    recorder.session.configure(Settings())
    assert recorder.launched == []


async def test_commands_may_have_a_model_of_their_own() -> None:
    """Which is started when the first is asked, and ended when the settings name another."""
    recorder = Recorder()
    recorder.session.configure(Settings(commands=CommandsSettings(model="first")))
    assert recorder.for_commands == []
    for _ in range(2):
        assert (await recorder.session.answer("explain", Question("NameError"), print)).text == "first"
    recorder.session.configure(Settings(commands=CommandsSettings(model="first", max_tokens=100)))
    assert (await recorder.session.answer("explain", Question("NameError"), print)).text == "first"
    recorder.session.configure(Settings(commands=CommandsSettings(model="second")))
    assert (await recorder.session.answer("explain", Question("NameError"), print)).text == "second"
    assert [name for name, _ in recorder.for_commands] == ["first", "second"]
    assert len(recorder.launched) == 1, "completions go on as they were"
    await recorder.session.close()
