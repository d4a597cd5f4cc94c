"""Where plug-ins lie, in a checkout and in a wheel."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from codeslm_lsp.cli.main import app
from codeslm_lsp.values import InputError

ROOT = Path(__file__).parents[2]


def test_the_folder_is_one_that_neovim_can_search() -> None:
    said = CliRunner().invoke(app, ["editors", "nvim"])
    assert said.exit_code == 0
    folder = Path(said.stdout.strip())
    assert (folder / "lua" / "codeslm" / "init.lua").is_file()
    assert (folder / "plugin" / "codeslm.lua").is_file()


def test_a_wheel_has_it_too() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]
    assert built["targets"]["wheel"]["force-include"]["editors/nvim"] == "codeslm_lsp/_data/editors/nvim"


@pytest.mark.parametrize("arguments", [[], ["emacs"]])
def test_others_are_named(arguments: list[str]) -> None:
    said = CliRunner().invoke(app, ["editors", *arguments])
    assert isinstance(said.exception, InputError)
    assert str(said.exception) == "There are plug-ins for nvim; run `codeslm editors nvim`."
