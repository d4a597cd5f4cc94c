"""The catalogue: what it holds, how names are found, and that a slip in it is noticed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from codeslm_lsp.models.catalogue import load_catalogue
from codeslm_lsp.prompt.chat_families import load_chat_families
from codeslm_lsp.prompt.families import load_formats
from codeslm_lsp.settings import EngineSettings
from codeslm_lsp.values import InputError, ModelNotFound

CHAT = {
    "qwen2.5-coder": "chatml",
    "codegemma": "gemma",
    "gemma-3": "gemma",
    "deepseek-coder": "deepseek-coder",
    "codestral": "mistral",
}
"""How the families that answer commands converse."""

GOOD = """
[[model]]
name = "tiny"
aliases = []
file = "tiny.gguf"
family = "test"
roles = ["completion"]
licence = "none"
gated = false
terms = ""
size_bytes = 1
sha256 = ""
memory_bytes = 1
kv_bytes_per_token = 1
prefill_tokens_s_per_core = 1
decode_tokens_s = 1
rank = 1
min_cores = 1
min_free_bytes = 1
note = ""
unverified = []
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "catalogue.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_every_entry_can_be_had_and_says_what_it_is() -> None:
    for entry in load_catalogue().entries:
        assert entry.hub or entry.wheels
        assert entry.file.endswith(".gguf")
        assert re.fullmatch(r"([0-9a-f]{64})?", entry.sha256)
        assert entry.roles
        assert set(entry.roles) <= {"completion", "commands"}
        assert entry.terms.startswith("https://")
        assert entry.gated == (entry.licence in {"Gemma", "MNPL"})
        assert entry.note.endswith(".")


def test_what_nobody_here_has_seen_is_not_told_as_if_it_were() -> None:
    """A size to the byte and a hash come from the file alone."""
    tried = [entry.name for entry in load_catalogue().entries if entry.was_run_here]
    assert tried == ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]
    for entry in load_catalogue().entries:
        has_seen = "file" not in entry.unverified
        assert bool(entry.sha256) == bool(entry.size_bytes) == has_seen
        assert bool(entry.about_bytes) != has_seen
        assert set(entry.unverified) <= {"file", "hub", "memory_bytes", "kv_bytes_per_token", "speed"}


def test_memory_has_room_for_the_file_and_its_cache() -> None:
    for entry in load_catalogue().entries:
        cache_bytes = EngineSettings().context_tokens * entry.kv_bytes_per_token
        assert entry.memory_bytes > (entry.size_bytes or entry.about_bytes) + cache_bytes
        assert entry.min_free_bytes > entry.memory_bytes


def test_a_family_is_one_that_can_be_prompted() -> None:
    for entry in load_catalogue().entries:
        if "completion" in entry.roles:
            assert entry.family in load_formats().families
        if "commands" in entry.roles:
            assert CHAT[entry.family] in load_chat_families()


def test_all_models_of_a_family_that_people_ask_for_are_known() -> None:
    names = {entry.name for entry in load_catalogue().entries}
    sizes = ("0.5b", "1.5b", "3b", "7b")
    assert names >= {f"qwen2.5-coder-{size}{kind}" for size in sizes for kind in ("", "-base")}
    assert names >= {"codegemma-2b", "codegemma-1.1-2b", "codegemma-7b", "codegemma-7b-it", "codegemma-1.1-7b-it"}
    assert names >= {"starcoder2-3b", "deepseek-coder-1.3b", "deepseek-coder-1.3b-it", "granite-3b-code"}
    assert names >= {"mellum-4b", "codestral-22b", "gemma-3-270m", "gemma-3-1b", "gemma-3-4b"}


@pytest.mark.parametrize(
    "name", ["qwen2.5-coder-0.5b", "0.5b", "0.5B", " Qwen2.5-Coder:0.5B ", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"]
)
def test_names_aliases_and_file_names_are_found(name: str) -> None:
    assert load_catalogue().find(name).name == "qwen2.5-coder-0.5b"


def test_a_near_miss_gets_a_suggestion() -> None:
    with pytest.raises(ModelNotFound, match=r"did you mean 'codegemma-2b'\?.*codeslm models list"):
        load_catalogue().find("code-gemma-2b")


def test_a_far_miss_gets_none() -> None:
    with pytest.raises(ModelNotFound, match=r"^There is no model 'xyz'; see"):
        load_catalogue().find("xyz")


def test_wheel_requirements_count_from_one() -> None:
    wheels = load_catalogue().find("1.5b").wheels
    assert wheels
    requirements = wheels.requirements()
    assert len(requirements) == 22
    assert requirements[0].endswith("part1==0.2.0")
    assert requirements[-1].endswith("part22==0.2.0")


def test_the_smallest_catalogue_loads(tmp_path: Path) -> None:
    assert load_catalogue(written(tmp_path, GOOD)).find("tiny").hub is None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (GOOD + 'colour = "red"\n', "tiny has the unknown key 'colour'"),
        (GOOD.replace("gated = false\n", ""), "tiny lacks the key 'gated'"),
        (GOOD.replace("rank = 1", 'rank = "1"'), "tiny, rank has a value of the wrong type"),
        (GOOD.replace("rank = 1", "rank = true"), "tiny, rank has a value of the wrong type"),
        (GOOD + GOOD, "'tiny' twice"),
        (GOOD + '[model.hub]\nrepository = "a/b"\n', "tiny, hub lacks the key 'file'"),
        (GOOD + "[other]\n", "unknown table 'other'"),
        ("[[model", "cannot be read"),
    ],
)
def test_a_slip_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=re.escape(complaint)):
        load_catalogue(written(tmp_path, text))
