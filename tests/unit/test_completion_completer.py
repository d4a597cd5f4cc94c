"""The straight line from a cursor to ghost text, with the replaying engine at its end. ``‸`` is the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from codeslm_lsp.completion.completer import Completer
from codeslm_lsp.completion.model_format import ModelFormat
from codeslm_lsp.completion.postprocess.draft import MAX_SUFFIX_CHARS
from codeslm_lsp.completion.prompts import FIRST_LINE_PATIENCE, INVOKED_PATIENCE
from codeslm_lsp.completion.trees import Trees
from codeslm_lsp.engine.protocol import GenerateRequest, TokenStream
from codeslm_lsp.settings import Settings
from codeslm_lsp.syntax.languages import Language
from codeslm_lsp.syntax.tree import SyntaxTree
from codeslm_lsp.values import (
    Completion,
    Cursor,
    Document,
    EngineDied,
    EngineLoading,
    EngineUnavailable,
    Extent,
    Generation,
    ModelDamaged,
    Priority,
    Report,
    Skip,
    SkipReason,
    StopReason,
    Token,
    Trigger,
    Tuning,
)
from codeslm_lsp.workspace.environment import Environment
from codeslm_lsp.workspace.members import Members
from tests.support.replay import FORMAT, MID, PRE, SUF, ByteTokenizer, ReplayEngine, Script
from tests.support.waiting import DEADLINE_S

AUTOMATIC, INVOKED = Trigger.AUTOMATIC, Trigger.INVOKED


class Bench:
    """A completer on a replaying engine, asked by marked text."""

    def __init__(
        self,
        script: Script | None = None,
        engine: ReplayEngine | None = None,
        environment: Environment | None = None,
        **completion: Any,
    ) -> None:
        self.engine = engine or ReplayEngine(script or Script())
        options = {"prefetch": "never", **completion}
        self.settings = Settings.model_validate({"completion": options}, strict=False)
        self.n_read = 0
        self.problems: list[Exception] = []
        self.completer = Completer(self.engine, self._read_format, self.settings, environment=environment)

    async def _read_format(self) -> ModelFormat:
        self.n_read += 1
        await asyncio.sleep(0)
        if self.problems:
            raise self.problems.pop(0)
        return ModelFormat(FORMAT, ByteTokenizer())

    async def at(
        self, marked: str, language: str = "python", uri: str = "file:///a.py", trigger: Trigger = AUTOMATIC
    ) -> Report:
        before, _, after = marked.partition("‸")
        document = Document(uri, "a.py" if language == "python" else "a.xyz", language, 1, before + after)
        return await self.completer.complete(document, Cursor(len(before)), trigger)

    def rest_at(self, marked: str) -> None:
        before, _, after = marked.partition("‸")
        self.completer.prepare(Document("file:///a.py", "a.py", "python", 1, before + after), Cursor(len(before)))

    async def text_at(self, marked: str, **options: Any) -> str:
        outcome = (await self.at(marked, **options)).outcome
        assert isinstance(outcome, Completion), outcome
        return outcome.text

    async def skip_at(self, marked: str, **options: Any) -> Skip:
        outcome = (await self.at(marked, **options)).outcome
        assert isinstance(outcome, Skip), outcome
        return outcome

    @property
    def last(self) -> GenerateRequest:
        return self.engine.requests[-1]


def spoken(ids: tuple[int, ...]) -> str:
    """Token ids as text, the sentinels as signs."""
    signs = {PRE: "⟨pre⟩", SUF: "⟨suf⟩", MID: "⟨mid⟩"}
    data = b"".join(signs[token].encode() if token in signs else bytes([token]) for token in ids)
    return data.decode()


# --- One request -------------------------------------------------------------------------------------------------


async def test_a_completion_at_the_cursor() -> None:
    bench = Bench(Script({"    ret": "urn a + b"}))
    report = await bench.at("def add(a, b):\n    ret‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.outcome.start, report.outcome.end) == ("urn a + b", 22, 22)
    assert report.outcome.confidence == report.chances[-1] > 0.5
    assert report.features[-1].sum_logprob == pytest.approx(-0.009)
    assert (report.model, report.trigger, report.extent) == ("replay", AUTOMATIC, Extent.STATEMENT)
    assert (report.stop, report.filters, report.anchor_reused) == (StopReason.END, (), False)
    assert report.timings.n_decode == 9
    assert report.elapsed_ms > 0


async def test_an_evaluation_may_see_what_was_generated() -> None:
    bench = Bench(Script({"x = ": "1\n```\nThis is one."}))
    assert await bench.text_at("x = ‸\n") == "1"
    bench.completer = Completer(bench.engine, bench._read_format, bench.settings, filters=())
    assert await bench.text_at("x = ‸\n") == "1\n"


async def test_typed_text_is_sent_as_such_and_not_in_the_prompt() -> None:
    bench = Bench()
    await bench.at("def add(a, b):\n    ret‸\nprint(é)\n")
    assert spoken(bench.last.token_ids) == "⟨pre⟩def add(a, b):\n⟨suf⟩\nprint(é)\n⟨mid⟩"
    assert spoken(bench.last.typed_ids) == "    ret"
    assert bench.last.stop_ids == FORMAT.stop_ids
    assert bench.last.heal


async def test_the_settings_reach_the_engine() -> None:
    bench = Bench(max_tokens=7, time_budget_ms=123)
    assert len(await bench.text_at("x = ‸\n")) == 6
    assert (bench.last.max_tokens, bench.last.time_budget_ms) == (7, 123 * FIRST_LINE_PATIENCE)
    await bench.at("y = ‸\n", trigger=INVOKED)
    assert (bench.last.max_tokens, bench.last.time_budget_ms) == (7, 123 * INVOKED_PATIENCE * FIRST_LINE_PATIENCE)


async def test_generation_stops_at_the_end_of_the_line(tmp_path: Path) -> None:
    events = tmp_path / "events"
    bench = Bench(Script(default="1 + 2\ny = 3\nz = 4\n", events=str(events)))
    report = await bench.at("x = ‸\n")
    assert isinstance(report.outcome, Completion)
    assert report.outcome.text == "1 + 2"
    assert report.timings.n_decode == len("1 + 2\n")
    assert report.stop is StopReason.END, "a text that was cut on purpose is whole"
    assert report.filters == ("runs_past_its_extent",)
    assert events.read_text().split() == ["started", "generating", "cancelled"]


async def test_generation_stops_at_the_end_of_the_block() -> None:
    bench = Bench(Script(default="\n    return x\n\n\ndef other():\n    pass\n"))
    report = await bench.at("def f(x):‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.extent, report.outcome.text) == (Extent.BLOCK, "\n    return x")
    assert report.timings.n_decode == len("\n    return x\n\n\ndef other():\n")


async def test_generation_stops_where_the_suffix_begins() -> None:
    bench = Bench(Script(default="a, b, key=value)\nprint(x)\nmore"))
    report = await bench.at("x = f(‸, key=value)\nprint(x)\n")
    assert isinstance(report.outcome, Completion)
    assert (report.extent, report.outcome.text) == (Extent.SPAN, "a, b")
    assert report.timings.n_decode == len("a, b, key=value)\nprint(x)")


async def test_a_large_file_ends_a_completion_as_a_small_one() -> None:
    bench = Bench(Script(default="a, b, key=value)\ny = 1\nmore"))
    filler = "y = 1\n" * MAX_SUFFIX_CHARS
    assert await bench.text_at(f"{filler}x = f(‸, key=value)\n{filler}") == "a, b"
    assert bench.engine.requests[0].token_ids.count(SUF) == 1


async def test_one_line_if_that_is_the_setting() -> None:
    bench = Bench(Script(default="\n    return x\n    more\n"), multiline="never")
    report = await bench.at("def f(x):‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.extent, report.outcome.text) == (Extent.LINE, "\n    return x")


class Doubtful(ReplayEngine):
    """Certain of its first ``n_sure`` tokens, and of nothing behind them."""

    n_sure = 3

    @asynccontextmanager
    async def generate(self, request: GenerateRequest) -> AsyncIterator[TokenStream]:
        async with super().generate(request) as stream:
            yield Doubting(stream, self.logprob_of)

    def logprob_of(self, n: int) -> float:
        return 0.0 if n < self.n_sure else -20.0


class Doubting:
    """A stream whose tokens have other probabilities."""

    def __init__(self, stream: TokenStream, logprob_of: Callable[[int], float]) -> None:
        self._stream = stream
        self._logprob_of = logprob_of
        self.stop, self.enough = stream.stop, stream.enough

    async def __aiter__(self) -> AsyncIterator[Token]:
        n = 0
        async for token in self._stream:
            yield replace(token, logprob=self._logprob_of(n))
            n += 1

    async def result(self) -> Generation:
        generation = await self._stream.result()
        tokens = [replace(token, logprob=self._logprob_of(n)) for n, token in enumerate(generation.tokens)]
        return replace(generation, tokens=tuple(tokens))


async def test_confidence_is_that_of_what_is_shown() -> None:
    report = await Bench(engine=Doubtful(Script(default="abc\n\n\n\n"))).at("x = ‸\n")
    assert isinstance(report.outcome, Completion)
    assert report.outcome.text == "abc"
    assert report.features[0].sum_logprob == 0.0


BLOCK = "def f(a):\n‸\n\nz = 1\n"


@pytest.mark.parametrize(
    ("caution", "n_sure", "shown"),
    [
        ("balanced", 100, "    b = a\n    return b"),
        ("balanced", 10, "    b = a"),
        ("balanced", 2, None),
        ("strict", 10, "    b = a"),
        ("eager", 10, "    b = a\n    return b"),
        ("eager", 2, "    b = a\n    return b"),
    ],
)
async def test_while_typing_what_is_probably_wrong_is_hidden(caution: str, n_sure: int, shown: str | None) -> None:
    engine = Doubtful(Script(default="    b = a\n    return b\n"))
    engine.n_sure = n_sure
    report = await Bench(engine=engine, confidence=caution).at(BLOCK)
    assert len(report.chances) == len(report.features) == 2
    if shown is None:
        assert isinstance(report.outcome, Skip)
        assert report.outcome.reason is SkipReason.UNLIKELY
        return
    assert isinstance(report.outcome, Completion)
    n_lines = shown.count("\n") + 1
    assert (report.outcome.text, report.outcome.confidence) == (shown, report.chances[n_lines - 1])
    assert ("doubtful_lines" in report.filters) == (n_lines < 2)


async def test_who_asks_by_hand_sees_what_is_probably_wrong() -> None:
    engine = Doubtful(Script(default="    b = a\n"))
    engine.n_sure = 2
    report = await Bench(engine=engine).at(BLOCK, trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    assert report.outcome.confidence < 0.1


async def test_what_was_hidden_is_shown_once_enough_of_it_is_typed() -> None:
    class DoubtsItsBeginning(Doubtful):
        def logprob_of(self, n: int) -> float:
            return -9.0 if n < 1 else 0.0

    bench = Bench(engine=DoubtsItsBeginning(Script(default="price * rate")))
    hidden = await bench.at("total = ‸\n")
    assert isinstance(hidden.outcome, Skip)
    report = await bench.at("total = p‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.from_offered) == ("rice * rate", True)


# --- Names that do not exist -------------------------------------------------------------------------------------


@pytest.fixture
async def environment() -> AsyncIterator[Environment]:
    environment = Environment()
    environment.learn(Members("shop", frozenset({"price", "rate"}), is_all=True))
    yield environment
    await environment.close()


SHOP = "import shop\n\n\ndef f(a):\n‸\n\nz = 1\n"


@pytest.mark.parametrize(
    ("caution", "answer", "shown"),
    [
        ("balanced", "    return shop.price\n", "    return shop.price"),
        ("balanced", "    return shop.prize\n", None),
        ("balanced", "    b = shop.rate\n    return shop.prize\n", "    b = shop.rate"),
        ("strict", "    return shop.prize\n", None),
        ("eager", "    return shop.prize\n", "    return shop.prize"),
    ],
)
async def test_while_typing_what_a_module_does_not_have_is_held_back(
    environment: Environment, caution: str, answer: str, shown: str | None
) -> None:
    report = await Bench(Script(default=answer), environment=environment, confidence=caution).at(SHOP)
    if shown is None:
        assert isinstance(report.outcome, Skip)
        assert report.outcome.reason is SkipReason.UNKNOWN_NAME
        assert "The module shop has no 'prize'" in report.outcome.detail
        return
    assert isinstance(report.outcome, Completion)
    assert report.outcome.text == shown
    assert ("absent_name" in report.filters) == (shown != answer.rstrip())


async def test_who_asks_by_hand_sees_it_behind_what_does_exist(environment: Environment) -> None:
    script = Script({"x = ": "shop.prize\n"}, alternatives=["shop.rates\n", "shop.rate\n", "shop.price\n"])
    report = await Bench(script, environment=environment, alternatives=3).at("import shop\nx = ‸\n", trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    offered = [report.outcome, *report.alternatives]
    assert {each.text for each in offered[:2]} == {"shop.rate", "shop.price"}
    assert [(each.text, each.confidence) for each in offered[2:]] == [("shop.rates", 0.0), ("shop.prize", 0.0)]
    assert report.features[-1].n_absent_names == 0
    alone = await Bench(Script({"x = ": "shop.prize\n"}), environment=environment).at(
        "import shop\nx = ‸\n", trigger=INVOKED
    )
    assert isinstance(alone.outcome, Completion)
    assert (alone.outcome.text, alone.features[-1].n_absent_names) == ("shop.prize", 1)


async def test_what_is_imported_is_asked_for(environment: Environment) -> None:
    bench = Bench(environment=environment)
    text = "from shop import price\nfrom . import own\nimport elsewhere.deep\nx = ‸\n"
    await bench.at(text, language="ruby", uri="file:///a.rb")
    assert environment.n_waiting == 0
    await bench.at(text)
    assert environment.n_waiting == 3, "shop.price, elsewhere and elsewhere.deep; shop is known"


# --- Anchors -----------------------------------------------------------------------------------------------------

TYPING = [
    # Text, whether the prompt is taken up again, and what stands behind the sentinel.
    ("a = 1\nr‸\nz\n", False, "r"),
    ("a = 1\nre‸\nz\n", True, "re"),
    ("a = 1\nreturn 😀‸\nz\n", True, "return 😀"),
    ("a = 1\n‸\nz\n", True, ""),
    ("a = 1\nb = 2\nc‸\nz\n", True, "b = 2\nc"),
    ("a = 1\nb = 2\nc = 3\nd = 4\n‸\nz\n", False, ""),
    ("a = 1\nb = 2\nc = 3\nd = 4\ne‸\nz\n", True, "e"),
    ("a = 1\nb = 2\nc = 3\nd = 4\ne‸\ny\n", False, "e"),
    ("a = 0\nb = 2\nc = 3\nd = 4\ne‸\ny\n", False, "e"),
]


async def test_typing_keeps_the_prompt() -> None:
    bench = Bench(anchor_max_lines=2)
    before: tuple[int, ...] = ()
    for marked, reused, typed in TYPING:
        report = await bench.at(marked)
        assert report.anchor_reused is reused, marked
        assert (bench.last.token_ids == before) is reused, marked
        assert spoken(bench.last.typed_ids) == typed
        before = bench.last.token_ids


async def test_the_model_sees_the_text_whole_whether_the_prompt_is_kept_or_not() -> None:
    bench = Bench(anchor_max_lines=2)
    for marked, _, _ in TYPING:
        await bench.at(marked)
        prompt = spoken(bench.last.token_ids).removesuffix("⟨mid⟩").removeprefix("⟨pre⟩")
        before, _, after = prompt.partition("⟨suf⟩")
        assert f"{before}{spoken(bench.last.typed_ids)}‸{after}" == marked


class Sending(ReplayEngine):
    """An engine in another process: a request leaves in a task of its own, as soon as the event loop gets to it."""

    def __init__(self, events: list[str]) -> None:
        super().__init__(Script())
        self._events = events

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        asyncio.get_running_loop().call_soon(self._events.append, "sent")
        return super().generate(request)


async def test_the_engine_works_while_the_text_is_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    parse = Trees.of

    def watched(trees: Trees, document: Document, language: Language | None) -> SyntaxTree | None:
        events.append("parsed")
        return parse(trees, document, language)

    monkeypatch.setattr(Trees, "of", watched)
    bench = Bench(engine=Sending(events))
    await bench.at("x = ‸\n")
    assert events[:2] == ["parsed", "sent"]  # Without a tree there is no first prompt.
    events.clear()
    await bench.at("x = 1‸\n")
    assert events == ["sent", "parsed"]


async def test_no_lines_in_the_middle_if_that_is_the_setting() -> None:
    bench = Bench(anchor_max_lines=0)
    await bench.at("a\nb‸\nz\n")
    assert not (await bench.at("a\nb\n‸\nz\n")).anchor_reused


async def test_documents_have_their_own_prompts() -> None:
    bench = Bench()
    await bench.at("a\nr‸\nz\n", uri="file:///a.py")
    assert not (await bench.at("a\nre‸\nz\n", uri="file:///b.py")).anchor_reused
    assert (await bench.at("a\nre‸\nz\n", uri="file:///a.py")).anchor_reused


async def test_a_closed_document_is_forgotten() -> None:
    bench = Bench()
    await bench.at("a\nr‸\nz\n")
    bench.completer.forget("file:///a.py")
    assert not (await bench.at("a\nre‸\nz\n")).anchor_reused


async def test_a_skip_does_not_forget_the_prompt() -> None:
    bench = Bench(Script({"re": ""}))
    await bench.at("a\nr‸\nz\n")
    assert (await bench.skip_at("a\nre‸\nz\n")).reason is SkipReason.NOTHING_GENERATED
    assert (await bench.at("a\nret‸\nz\n")).anchor_reused


# --- What was offered, and what is done ahead -----------------------------------------------------------------------


async def test_typing_what_was_offered_asks_nothing_of_the_engine() -> None:
    bench = Bench(Script({"    ret": "urn a + b"}))
    await bench.at("def add(a, b):\n    ret‸\n")
    report = await bench.at("def add(a, b):\n    return a‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.from_offered, report.timings.n_prefill) == (" + b", True, 0)
    assert len(bench.engine.requests) == 1


async def test_asking_again_for_what_was_cut_off_asks_the_engine() -> None:
    bench = Bench(engine=CutShort("1 + 2", StopReason.TIME_BUDGET))
    await bench.at("x = ‸\n")
    assert (await bench.at("x = ‸\n")).from_offered
    assert not (await bench.at("x = ‸\n", trigger=INVOKED)).from_offered


async def worked_ahead(bench: Bench, n_requests: int) -> list[GenerateRequest]:
    """Wait until so many requests were made, and return those that were made ahead."""
    async with asyncio.timeout(DEADLINE_S):
        while len(bench.engine.requests) < n_requests:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    return [request for request in bench.engine.requests if request.priority is Priority.BACKGROUND]


async def test_what_follows_the_suggestion_is_there_when_it_is_accepted() -> None:
    bench = Bench(Script({"x = ": "1 + 2", "x = 1 + 2": "\ny = 3"}, default=""), prefetch="always")
    await bench.at("x = ‸\n")
    [ahead] = await worked_ahead(bench, 2)
    assert spoken(ahead.typed_ids) == "x = 1 + 2"
    report = await bench.at("x = 1 + 2‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.from_offered) == ("\ny = 3", True)
    assert [request.priority for request in bench.engine.requests] == [Priority.COMPLETION, Priority.BACKGROUND]


async def test_the_next_prompt_is_evaluated_behind_the_one_that_answers() -> None:
    bench = Bench(Script(default=""), prefetch="always")
    await bench.at("a\nb‸\nz\n")
    await bench.at("a\nb\nc‸\nz\n")
    assert spoken(bench.last.token_ids) == "⟨pre⟩a\n⟨suf⟩\nz\n⟨mid⟩"
    [ahead] = await worked_ahead(bench, 3)
    assert (spoken(ahead.token_ids), spoken(ahead.typed_ids)) == ("⟨pre⟩a\nb\n⟨suf⟩\nz\n⟨mid⟩", "c")
    assert ahead.max_tokens == 0
    report = await bench.at("a\nb\ncd‸\nz\n")
    assert report.anchor_reused
    assert (bench.last.token_ids, spoken(bench.last.typed_ids)) == (ahead.token_ids, "cd")


async def test_a_prompt_that_is_not_evaluated_yet_does_not_answer() -> None:
    """The next key comes while the next prompt is prefilled: the old one still serves."""
    bench = Bench(Script(default="", prefill_ms=300), prefetch="always")
    await bench.at("a\nb‸\nz\n")
    await bench.at("a\nb\nc‸\nz\n")
    await worked_ahead(bench, 3)
    await bench.at("a\nb\ncd‸\nz\n")
    assert spoken(bench.last.token_ids) == "⟨pre⟩a\n⟨suf⟩\nz\n⟨mid⟩"
    assert spoken(bench.last.typed_ids) == "b\ncd"


LONG = "".join(f"value_{n} = {n}\n" for n in range(400))


async def test_the_first_suggestion_at_a_place_has_a_short_prompt_and_the_whole_one_follows() -> None:
    bench = Bench(Script(default=""), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n")
    assert len(bench.last.token_ids) <= 256
    [ahead] = await worked_ahead(bench, 2)
    assert 400 < len(ahead.token_ids) <= 1024
    assert ahead.token_ids[1:].index(SUF) > bench.engine.requests[0].token_ids.index(SUF)
    report = await bench.at(f"{LONG}xy‸\nz\n")
    assert (report.anchor_reused, bench.last.token_ids) == (True, ahead.token_ids)


async def test_while_a_short_prompt_answers_keys_of_fluent_typing_do_not_interrupt_the_whole_one() -> None:
    """Of these, one is asked for when no other has followed it for a moment."""
    bench = Bench(Script(default="", prefill_ms=1000), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n")
    await worked_ahead(bench, 2)
    first = asyncio.create_task(bench.at(f"{LONG}xy‸\nz\n"))
    await asyncio.sleep(0.05)
    second = asyncio.create_task(bench.at(f"{LONG}xyz‸\nz\n"))
    await asyncio.sleep(0.05)
    assert [
        spoken(request.typed_ids) for request in bench.engine.requests if request.priority is Priority.COMPLETION
    ] == ["x", "xy"]
    await asyncio.gather(first, second)
    assert spoken(bench.last.typed_ids) == "xyz"


async def test_what_is_generated_ahead_waits_for_the_whole_prompt() -> None:
    bench = Bench(Script({"x": "yz"}, default="", prefill_ms=300), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n")
    whole, following = await worked_ahead(bench, 3)
    assert (whole.max_tokens, following.max_tokens > 0) == (0, True)
    assert following.token_ids == whole.token_ids


async def test_where_the_cursor_rests_the_prompt_is_there_before_the_first_key() -> None:
    """First a short one, as the first key would ask for, and then the whole."""
    bench = Bench(Script(default=""), prefetch="always")
    bench.rest_at(f"{LONG}‸\nz\n")
    first, whole = await worked_ahead(bench, 2)
    assert {(request.max_tokens, request.priority) for request in (first, whole)} == {(0, Priority.BACKGROUND)}
    assert len(first.token_ids) <= 256 < 400 < len(whole.token_ids)
    report = await bench.at(f"{LONG}x‸\nz\n")
    assert (report.anchor_reused, bench.last.token_ids) == (True, whole.token_ids)


async def test_a_key_that_comes_too_early_waits_for_the_rest_of_that_prompt() -> None:
    """The same one is asked for, and the engine goes on where it was."""
    bench = Bench(Script(default="", prefill_ms=60_000), prefetch="always")
    bench.rest_at(f"{LONG}‸\nz\n")
    [ahead] = await worked_ahead(bench, 1)
    key = asyncio.create_task(bench.at(f"{LONG}x‸\nz\n"))
    while len(bench.engine.requests) < 2:
        await asyncio.sleep(0.005)
    assert bench.last.token_ids == ahead.token_ids
    key.cancel()


async def test_lines_typed_below_are_answered_by_the_same_prompt_until_the_next_is_there() -> None:
    bench = Bench(Script(default="", prefill_ms=20), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n", trigger=INVOKED)
    known = bench.last.token_ids
    typed = "".join(f"y{n} = {n}\n" for n in range(12))
    report = await bench.at(f"{LONG}x\n{typed}‸\nz\n")
    assert (report.prompt_outdated, bench.last.token_ids) == (True, known)
    assert spoken(bench.last.typed_ids) == f"x\n{typed}"
    await worked_ahead(bench, 3)
    report = await bench.at(f"{LONG}x\n{typed}w‸\nz\n")
    assert (report.prompt_outdated, spoken(bench.last.typed_ids)) == (False, "w")


async def test_a_closed_document_ends_only_its_own_work(tmp_path: Path) -> None:
    events = tmp_path / "events"
    bench = Bench(Script(prefill_ms=60_000, events=str(events)), prefetch="always")
    bench.rest_at("x = ‸\n")
    await worked_ahead(bench, 1)
    bench.completer.forget("file:///b.py")
    await asyncio.sleep(0.05)
    assert "cancelled" not in events.read_text()
    bench.completer.forget("file:///a.py")
    await asyncio.sleep(0.05)
    assert "cancelled" in events.read_text()


class Measured(ReplayEngine):
    """An engine that has been measured to be this fast."""

    def __init__(self, prefill_tokens_s: float) -> None:
        super().__init__(Script(default=""))
        self._tuning = Tuning(2, 2, 64, True, prefill_tokens_s, 10.0, ((1, 1.0),))

    def tuning(self) -> Tuning:
        return self._tuning


async def test_a_first_prompt_is_as_long_as_the_measured_machine_allows() -> None:
    lengths = []
    for prefill_tokens_s in (40.0, 110.0, 900.0):
        bench = Bench(engine=Measured(prefill_tokens_s), prefetch="always", first_wait_ms=2500)
        await bench.at(f"{LONG}x‸\nz\n")
        lengths.append(len(bench.last.token_ids))
    slow, quicker, quick = lengths
    assert slow <= 128 < quicker <= 256 < quick


async def test_a_prompt_that_the_engine_has_from_before_is_not_made_short() -> None:
    """The editor was restarted: the whole prompt is there sooner than a short one would be."""
    bench = Bench(Script(default="", n_warm=300), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n")
    assert len(bench.last.token_ids) > 400


async def test_who_asks_by_hand_gets_the_whole_prompt() -> None:
    bench = Bench(Script(default=""), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n", trigger=INVOKED)
    assert len(bench.last.token_ids) > 400


async def test_a_change_far_away_does_not_keep_the_next_key_waiting() -> None:
    bench = Bench(Script(default=""), prefetch="always")
    await bench.at(f"{LONG}x‸\nz\n", trigger=INVOKED)
    known = bench.last.token_ids
    report = await bench.at(f"{LONG}xy‸()\nz\n")
    assert not report.prompt_outdated, "what follows the cursor on its line changed"
    report = await bench.at(f"{LONG}x(‸)\nz\n")
    assert (report.prompt_outdated, bench.last.token_ids) == (True, known)
    [ahead] = (await worked_ahead(bench, 4))[-1:]
    report = await bench.at(f"{LONG}x(y‸)\nz\n")
    assert (report.prompt_outdated, report.anchor_reused, bench.last.token_ids) == (False, True, ahead.token_ids)


async def test_a_key_stops_what_is_done_ahead(tmp_path: Path) -> None:
    events = tmp_path / "events"
    script = Script({"x = ": "1", "y": "2"}, token_ms=1, events=str(events), default="z" * 5000)
    bench = Bench(script, prefetch="always", max_tokens=1024)
    await bench.at("x = ‸\n")
    await worked_ahead(bench, 2)
    assert await bench.text_at("y‸\n") == "2"
    assert events.read_text().split()[:6] == ["started", "generating", "end", "generating", "cancelled", "generating"]


async def test_nothing_is_done_ahead_if_that_is_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    plugged = Battery(power_plugged=False)
    monkeypatch.setattr("psutil.sensors_battery", lambda: plugged, raising=False)
    for prefetch, expected in (("never", 1), ("plugged_in", 1), ("always", 2)):
        bench = Bench(prefetch=prefetch)
        await bench.at("x = ‸\n")
        await asyncio.sleep(0.3)
        assert len(bench.engine.requests) == expected, prefetch
    plugged = Battery(power_plugged=True)
    bench = Bench(prefetch="plugged_in")
    await bench.at("x = ‸\n")
    await worked_ahead(bench, 2)


@dataclass(frozen=True)
class Battery:
    """What psutil says of it."""

    power_plugged: bool


async def test_an_engine_that_dies_while_working_ahead_costs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Script({"x = ": "1"}, dies_on="x = 1"), prefetch="always")
    assert await bench.text_at("x = ‸\n") == "1"
    await worked_ahead(bench, 2)
    assert await bench.text_at("y = ‸\n") == "REPLAY"
    assert caplog.text == ""


# --- Skips -------------------------------------------------------------------------------------------------------

REFUSED: list[tuple[str, SkipReason, dict[str, Any], dict[str, Any]]] = [
    ("x = ‸", SkipReason.DISABLED, {"enabled": False}, {}),
    ("x = ‸", SkipReason.DISABLED, {"automatic": False}, {}),
    ("x = ‸", SkipReason.DISABLED, {"disabled_languages": ["go", "python"]}, {}),
    ("x = 1\n" * 200 + "‸", SkipReason.FILE_TOO_LARGE, {"max_file_bytes": 1000}, {}),
    ("x\0 = ‸", SkipReason.NOT_TEXT, {}, {}),
    ("‸", SkipReason.EMPTY_DOCUMENT, {}, {}),
    (" \n\t‸\n", SkipReason.EMPTY_DOCUMENT, {}, {}),
    ("# Read ‸\n", SkipReason.IN_COMMENT, {"in_comments": False}, {}),
    ("x = 'a‸'\n", SkipReason.IN_STRING, {"in_strings": False}, {}),
    ('def f():\n    """Read ‸\n    """\n', SkipReason.IN_STRING, {"in_strings": False}, {}),
]


@pytest.mark.parametrize(("marked", "reason", "completion", "options"), REFUSED)
async def test_refusals_do_not_trouble_the_engine(
    marked: str, reason: SkipReason, completion: dict[str, Any], options: dict[str, Any]
) -> None:
    bench = Bench(**completion)
    skip = await bench.skip_at(marked, **options)
    assert skip.reason is reason
    assert skip.detail.endswith(".")
    assert (bench.engine.requests, bench.n_read) == ([], 0)


async def test_what_is_not_refused() -> None:
    assert await Bench(automatic=False).text_at("x = ‸", trigger=INVOKED)
    assert await Bench(disabled_languages=["go"]).text_at("x = ‸")
    assert await Bench(disabled_files=["*", "!*.py"]).text_at("x = ‸")
    assert await Bench(max_file_bytes=1000).text_at("x" * 1000 + "‸")
    nowhere: dict[str, Any] = {"in_comments": False, "in_strings": False}
    assert await Bench(**nowhere).text_at("# Read ‸\n", trigger=INVOKED)
    assert await Bench(**nowhere).text_at("x = ‸\n")
    assert await Bench(**nowhere).text_at("# Read ‸\n", language="unknown")
    assert await Bench(in_strings=False).text_at("# Read ‸\n")
    assert await Bench(in_comments=False).text_at("x = 'a‸'\n")
    assert await Bench().text_at("# Read ‸\n")


ANSWERS = [
    ("", SkipReason.NOTHING_GENERATED),
    ("  \n \n", SkipReason.BLANK),
    (")", SkipReason.REPEATS_SUFFIX),
]


@pytest.mark.parametrize(("answer", "reason"), ANSWERS)
async def test_answers_that_are_not_shown(answer: str, reason: SkipReason) -> None:
    report = await Bench(Script(default=answer)).at("f(x‸)\n")
    assert isinstance(report.outcome, Skip)
    assert report.outcome.reason is reason
    assert (report.model, report.stop) == ("replay", StopReason.END)


STOPS = [
    (StopReason.TIME_BUDGET, SkipReason.TIME_BUDGET, "time_budget_ms"),
    (StopReason.UNHEALABLE, SkipReason.HEALING_FAILED, "typed"),
    (StopReason.CONTEXT_FULL, SkipReason.NOTHING_GENERATED, "context_tokens"),
    (StopReason.END, SkipReason.NOTHING_GENERATED, "nothing to add"),
    (StopReason.MAX_TOKENS, SkipReason.NOTHING_GENERATED, "nothing to add"),
]


@asynccontextmanager
async def changed(stream: AbstractAsyncContextManager[TokenStream], change: Any) -> AsyncIterator[TokenStream]:
    """The stream with another result."""
    async with stream as inner:
        result = inner.result

        async def altered() -> Generation:
            outcome: Generation = change(await result())
            return outcome

        inner.result = altered  # type: ignore[method-assign]
        yield inner


class CutShort(ReplayEngine):
    """Says its script, and that it ended for another reason."""

    def __init__(self, text: str, stop: StopReason) -> None:
        super().__init__(Script(default=text))
        self._stop = stop

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        return changed(super().generate(request), lambda generation: replace(generation, stop=self._stop))


@pytest.mark.parametrize(("stop", "reason", "words"), STOPS)
async def test_a_generation_without_text_says_why(stop: StopReason, reason: SkipReason, words: str) -> None:
    report = await Bench(engine=CutShort("", stop)).at("x = ‸\n")
    assert isinstance(report.outcome, Skip)
    assert (report.outcome.reason, report.stop) == (reason, stop)
    assert words in report.outcome.detail


async def test_what_the_time_budget_allowed_is_shown() -> None:
    report = await Bench(engine=CutShort("1 + 2 ", StopReason.TIME_BUDGET)).at("x = ‸\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.stop) == ("1 + 2", StopReason.TIME_BUDGET)


async def test_whole_lines_are_offered_when_the_time_is_over_and_the_rest_follows() -> None:
    body = "\n    first = 1\n    second = 2\n    third = 3\n"
    head = "def f():"
    script = Script({head: body, "first = 1": "\n    second = 2\n    third = 3\n"}, token_ms=10)
    bench = Bench(script, prefetch="always", time_budget_ms=50)
    report = await bench.at(f"{head}‸\n\n\nx = 1\n")
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.stop) == ("\n    first = 1", StopReason.TIME_BUDGET)
    await worked_ahead(bench, 2)
    async with asyncio.timeout(DEADLINE_S):
        while not isinstance((report := await bench.at(f"{head}\n    first = 1‸\n\n\nx = 1\n")).outcome, Completion):
            await asyncio.sleep(0.05)
    assert report.outcome.text.startswith("\n    second = 2")


async def test_a_span_is_trusted_only_if_the_model_ended_it() -> None:
    text = "f(a)\n    b"
    assert await Bench(engine=CutShort(text, StopReason.TIME_BUDGET)).text_at("x = ‸ + c\n") == "f(a)"
    assert await Bench(engine=CutShort(text, StopReason.END)).text_at("x = ‸ + c\n") == text


# --- Alternatives ------------------------------------------------------------------------------------------------


async def test_who_asks_by_hand_is_offered_alternatives_too() -> None:
    script = Script({"x = ": "1 + 2\nrest"}, alternatives=["one\nrest", "1  + 2\n", "None", "never asked"])
    bench = Bench(script, alternatives=3)
    report = await bench.at("x = ‸\n", trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    assert report.outcome.text == "1 + 2"
    assert [other.text for other in report.alternatives] == ["one", "None"], "the same in other spaces is no other"
    assert bench.last.n_alternatives == 3


class RunsOn(ReplayEngine):
    """Says its script, but what is longest does not end by itself."""

    def generate(self, request: GenerateRequest) -> AbstractAsyncContextManager[TokenStream]:
        return changed(super().generate(request), lambda generation: replace(generation, stop=StopReason.MAX_TOKENS))


async def test_what_ended_by_itself_is_whole_though_an_alternative_runs_on() -> None:
    script = Script({"x = ": "f(a)\ny = "}, alternatives=["f(b)\ny = 1\nz = 2\n"])
    report = await Bench(engine=RunsOn(script)).at("x = ‸g(2) + c\n", trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.stop) == ("f(a)\ny = ", StopReason.END)


async def test_nobody_waits_for_a_line_end_of_what_has_ended() -> None:
    script = Script({"x = ": "a + "}, alternatives=["b\n" + "c" * 200], token_ms=10)
    report = await Bench(script, alternatives=1, time_budget_ms=50).at("x = ‸g(2) + c\n", trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    assert report.outcome.text == "a + "
    assert report.timings.n_decode < 80, "the other was not waited for"


async def test_alternatives_are_not_decoded_while_typing() -> None:
    bench = Bench(Script(alternatives=["other"]))
    report = await bench.at("x = ‸\n")
    assert (report.alternatives, bench.last.n_alternatives) == ((), 0)


async def test_who_asks_by_hand_for_what_is_shown_already_is_asked_after_alternatives() -> None:
    for alternatives, expected in ((2, 2), (0, 1)):
        bench = Bench(Script({"x = ": "1"}, alternatives=["other"]), alternatives=alternatives)
        await bench.at("x = ‸\n")
        report = await bench.at("x = ‸\n", trigger=INVOKED)
        assert (len(bench.engine.requests), report.from_offered) == (expected, expected == 1)


async def test_all_alternatives_come_to_the_end_of_their_line() -> None:
    bench = Bench(Script({"x = ": "1\nrest"}, alternatives=["a much longer one\nrest"]))
    report = await bench.at("x = ‸\n", trigger=INVOKED)
    assert [other.text for other in report.alternatives] == ["a much longer one"]


async def test_an_alternative_takes_the_place_of_what_cannot_be_shown() -> None:
    script = Script({"x = 1\n": "y = 22 + 1\nrest"}, alternatives=["z = 333\nrest"])
    report = await Bench(script, alternatives=1).at("x = 1\n‸\ny = 22 + 1\n", trigger=INVOKED)
    assert isinstance(report.outcome, Completion)
    assert (report.outcome.text, report.alternatives) == ("z = 333", ())
    report = await Bench(Script({"x = 1\n": "y = 22 + 1\nrest"})).at("x = 1\n‸\ny = 22 + 1\n", trigger=INVOKED)
    assert isinstance(report.outcome, Skip)


# --- What goes wrong ---------------------------------------------------------------------------------------------


async def test_a_model_that_is_still_loading() -> None:
    bench = Bench(Script(load_ms=60_000), wait_for_model_ms=20)
    skip = await bench.skip_at("x = ‸")
    assert (skip.reason, bench.engine.requests) == (SkipReason.MODEL_LOADING, [])


async def test_an_engine_that_cannot_be_started() -> None:
    skip = await Bench(Script(never_loads="The engine cannot be started; run it by hand.")).skip_at("x = ‸")
    assert skip == Skip(SkipReason.ENGINE_FAILED, "The engine cannot be started; run it by hand.")


async def test_an_engine_that_dies() -> None:
    bench = Bench(Script({"y": "ok"}, dies_on="x"))
    assert (await bench.skip_at("x‸")).reason is SkipReason.ENGINE_FAILED
    assert await bench.text_at("y‸") == "ok"


PROBLEMS = [
    (ModelDamaged("The file is cut short."), SkipReason.MODEL_MISSING),
    (EngineDied("The engine stopped."), SkipReason.ENGINE_FAILED),
    (EngineUnavailable("The engine stopped while it was loading the model."), SkipReason.ENGINE_FAILED),
    (EngineLoading("The model is not there yet."), SkipReason.MODEL_LOADING),
]


@pytest.mark.parametrize(("problem", "reason"), PROBLEMS)
async def test_a_format_that_cannot_be_read_is_tried_again(problem: Exception, reason: SkipReason) -> None:
    bench = Bench()
    bench.problems = [problem]
    assert await bench.skip_at("x = ‸") == Skip(reason, str(problem))
    assert await bench.text_at("x = ‸") == "REPLAY"
    assert bench.n_read == 2


async def test_a_defect_is_a_skip_too(caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, without what the exception says: that may be source text."""
    bench = Bench()
    bench.problems = [ZeroDivisionError("secret")]
    skip = await bench.skip_at("x = ‸")
    assert skip.reason is SkipReason.INTERNAL_ERROR
    assert "ZeroDivisionError" in skip.detail
    assert "ZeroDivisionError" in caplog.text
    assert "secret" not in skip.detail + caplog.text
    assert await bench.text_at("x = ‸") == "REPLAY"


async def test_the_format_is_read_once() -> None:
    bench = Bench()
    await asyncio.gather(*(bench.at("x = ‸") for _ in range(5)))
    assert bench.n_read == 1


async def test_a_cancelled_request_does_not_stop_the_reading_of_the_format() -> None:
    bench = Bench()
    first = asyncio.create_task(bench.at("x = ‸"))
    while not bench.n_read:
        await asyncio.sleep(0)
    first.cancel()
    assert await bench.text_at("x = ‸") == "REPLAY"
    assert (first.cancelled(), bench.n_read) == (True, 1)


@pytest.mark.parametrize("script", [Script(prefill_ms=60_000), Script(token_ms=60_000), Script(token_ms=5)])
async def test_cancelling_a_request_cancels_its_generation(script: Script, tmp_path: Path) -> None:
    events = tmp_path / "events"
    bench = Bench(replace(script, default="x" * 10_000, events=str(events)), max_tokens=1024)
    request = asyncio.create_task(bench.at("x = ‸\n"))
    while not bench.engine.requests:
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert events.read_text().split() == ["started", "generating", "cancelled"]
