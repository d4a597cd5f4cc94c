"""The registry, its folders and grammars agree with each other."""

from __future__ import annotations

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from codeslm_lsp.syntax.languages import Language, language_of, languages
from codeslm_lsp.syntax.queries import QUERY_NAMES, query
from codeslm_lsp.syntax.tree import parse

FOLDER = Path(__file__).parents[2] / "grammars" / "languages"


def test_every_folder_is_registered_and_every_language_has_a_folder() -> None:
    assert {path.name for path in FOLDER.iterdir() if path.is_dir()} == set(languages())


def test_every_query_file_has_a_known_name_and_says_what_it_finds() -> None:
    for path in FOLDER.glob("*/*"):
        assert path.suffix == ".scm"
        assert path.stem in QUERY_NAMES
        assert path.read_text(encoding="utf-8").startswith("; ")


@pytest.mark.parametrize("name", languages())
def test_grammar_works_and_queries_compile(name: str) -> None:
    language = languages()[name]
    tree = parse("x\n", language)
    assert tree.root is not None
    found = [each for each in QUERY_NAMES if query(language, each) is not None]
    assert {"scopes", "definitions"} <= set(found)


@pytest.mark.parametrize("name", languages())
def test_fields_have_the_types_they_declare(name: str) -> None:
    language = languages()[name]
    for field in dataclasses.fields(Language):
        value = getattr(language, field.name)
        if str(field.type).startswith("tuple"):
            assert isinstance(value, tuple)
            assert all(isinstance(each, str) for each in value)
        elif field.type == "bool":
            assert isinstance(value, bool)
        else:
            assert value is None or isinstance(value, str)
    re.compile(language.block_header)
    assert len(language.block_comment) in (0, 2)
    assert set(language.multiline_quotes) <= set(language.quotes)


@pytest.mark.parametrize("name", languages())
def test_node_types_of_the_registry_exist_in_the_grammar(name: str) -> None:
    from codeslm_lsp.syntax.tree import grammar

    language = languages()[name]
    for node_type in (*language.comment_nodes, *language.string_nodes, *language.code_nodes):
        assert grammar(language).id_for_node_kind(node_type, True) is not None, node_type


def test_no_id_extension_or_filename_is_claimed_twice() -> None:
    for field in ("lsp_ids", "extensions", "filenames"):
        claimed = [key for language in languages().values() for key in getattr(language, field)]
        assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize(
    ("language_id", "path", "expected"),
    [
        ("python", "", "python"),
        ("typescriptreact", "a.tsx", "tsx"),
        ("javascriptreact", "a.jsx", "javascript"),
        ("shellscript", "run", "bash"),
        ("csharp", "", "csharp"),
        ("cpp", "a.h", "cpp"),
        ("c", "a.h", "c"),
        ("jsonc", "", "json"),
        ("", "src/main.RS", "rust"),
        ("", "folder\\file.go", "go"),
        ("", "Rakefile", "ruby"),
        ("", "Cargo.lock", "toml"),
        ("plaintext", "notes.md", "markdown"),
        ("cobol", "a.cob", None),
        ("", "", None),
        ("", "no_extension", None),
    ],
)
def test_language_of(language_id: str, path: str, expected: str | None) -> None:
    language = language_of(language_id, path)
    assert (language.name if language else None) == expected


def test_grammars_are_imported_only_when_used() -> None:
    program = (
        "import sys\n"
        "from codeslm_lsp.syntax import extent, scopes\n"
        "from codeslm_lsp.syntax.languages import languages\n"
        "from codeslm_lsp.syntax.tree import parse\n"
        "parse('x', languages()['go'])\n"
        "print([name for name in sys.modules if name.startswith('tree_sitter_')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=FOLDER.parents[1]
    )
    assert "tree_sitter_go" in done.stdout
    assert "tree_sitter_rust" not in done.stdout
