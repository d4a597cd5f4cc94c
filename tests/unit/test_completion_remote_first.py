"""A remote engine and a local one behind it: which of them answers."""

from __future__ import annotations

from typing import Any

import pytest

from codeslm_lsp.completion.launch import Launched
from codeslm_lsp.completion.remote_first import Completes, RemoteFirst, completer_by
from codeslm_lsp.settings import Settings
from codeslm_lsp.values import Completion, Cursor, Document, ModelNotFound, SkipReason, Trigger
from tests.support.replay import Script, replaying

TEXT = "def add(a, b):\n    ret"
KEY = "".join(["gh", "p_", "a1B2c3D4e5" * 4])


def both(remote: Script, local: Script | None, **settings: Any) -> tuple[Completes, Launched]:
    there = replaying(remote)
    here = replaying(local) if local is not None else None
    launched = Launched(there.engine, there.read_format, "", is_remote=True, fallback=here)
    options = Settings.model_validate(
        {"completion": {"prefetch": "never", "confidence": "eager"}, "remote": {"urls": ["http://there"], **settings}}
    )
    return completer_by(launched, options), launched


async def said(completer: Completes, text: str = TEXT, path: str = "a.py", version: int = 1) -> str | SkipReason:
    document = Document(f"file:///work/{path}", path, "python", version, text)
    outcome = (await completer.complete(document, Cursor(len(text)), Trigger.AUTOMATIC)).outcome
    return outcome.text if isinstance(outcome, Completion) else outcome.reason


THERE, HERE = Script(default="urn there"), Script(default="urn here")


@pytest.mark.parametrize(
    ("remote", "local", "expected"),
    [
        (THERE, HERE, "urn there"),
        (THERE, None, "urn there"),
        (Script(default="urn there", prefill_ms=60_000), HERE, "urn here"),
        (Script(never_loads="It is off."), HERE, "urn here"),
        (Script(never_loads="It is off."), None, SkipReason.ENGINE_FAILED),
        (Script(default="urn there", prefill_ms=300), Script(default=""), "urn there"),
        (Script(default=""), HERE, SkipReason.NOTHING_GENERATED),
        (Script(never_loads="It is off."), Script(never_loads="This, too."), SkipReason.ENGINE_FAILED),
    ],
)
async def test_who_answers(remote: Script, local: Script | None, expected: str | SkipReason) -> None:
    completer, _ = both(remote, local, patience_ms=100)
    assert await said(completer) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("own/a.py", TEXT),
        (".env", "KEY = 1\nOTHER"),
        ("a.py", f"token = '{KEY}'\n{TEXT}"),
    ],
)
async def test_what_is_private_stays_here(path: str, text: str) -> None:
    completer, launched = both(THERE, HERE, private_files=["own/"])
    assert await said(completer, text, path) == "urn here"
    engine: Any = launched.engine
    assert engine.requests == []
    alone, launched = both(THERE, None, private_files=["own/"])
    assert await said(alone, text, path) is SkipReason.KEPT_HERE
    engine = launched.engine
    assert engine.requests == []


async def test_a_secret_that_is_typed_later_is_noticed() -> None:
    completer, launched = both(THERE, HERE)
    assert await said(completer) == "urn there"
    for n_typed in range(1, len(KEY)):  # Key by key, until it is one.
        await said(completer, f"token = '{KEY[:n_typed]}'\n{TEXT}", version=1 + n_typed)
    engine: Any = launched.engine
    engine.requests.clear()
    assert await said(completer, f"token = '{KEY}'\n{TEXT}", version=100) == "urn here"
    assert await said(completer, f"# above\ntoken = '{KEY}'\n{TEXT}", version=101) == "urn here"
    assert engine.requests == []
    assert await said(completer, f"# above\n{TEXT}", version=102) == "urn there"
    split = f"token = '{KEY[:9]} {KEY[9:]}'\n{TEXT}"
    assert await said(completer, split, version=103) == "urn there"
    assert await said(completer, split.replace(f"{KEY[:9]} ", KEY[:9]), version=104) == "urn here"


async def test_what_the_local_one_offered_is_typed_through_without_waiting() -> None:
    completer, _ = both(Script(default="urn there", prefill_ms=60_000), HERE, patience_ms=100)
    assert await said(completer) == "urn here"
    assert await said(completer, TEXT + "urn h") == "ere"


async def test_commands_are_answered_here_unless_they_may_leave() -> None:
    _, launched = both(THERE, HERE)
    settings = Settings.model_validate({"remote": {"urls": ["http://there"]}})
    assert launched.for_commands(settings) is launched.fallback
    allowed = Settings.model_validate({"remote": {"urls": ["http://there"], "commands": True}})
    assert launched.for_commands(allowed) is launched
    _, alone = both(THERE, None)
    with pytest.raises(ModelNotFound, match=r"remote\.commands"):
        alone.for_commands(settings)


async def test_code_of_other_files_goes_there_only_if_that_is_allowed() -> None:
    """The workspace is given to the local completer alone."""
    workspace: Any = object()
    for may, seen in ((False, None), (True, workspace)):
        there = replaying(THERE)
        launched = Launched(there.engine, there.read_format, "", is_remote=True, fallback=replaying(HERE))
        settings = Settings.model_validate({"remote": {"urls": ["http://there"], "context": may}})
        completer = completer_by(launched, settings, workspace)
        assert isinstance(completer, RemoteFirst)
        assert completer._remote._workspace is seen
        assert completer._local is not None
        assert completer._local._workspace is workspace
