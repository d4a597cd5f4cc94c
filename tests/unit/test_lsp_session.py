"""A session starts and ends engines as its settings ask."""

from __future__ import annotations

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.lsp.session import Session
from codeslm_lsp.settings import CompletionSettings, Settings
from tests.support.replay import Script, replaying


class Recorder:
    """Launches replaying engines and remembers for which settings."""

    def __init__(self) -> None:
        self.launched: list[Settings] = []
        self.session = Session(self.launch, self.said, self.said, tuple)

    def launch(self, settings: Settings) -> Launched:
        self.launched.append(settings)
        return replaying(Script())

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
