"""What another user of the machine can do: a real engine and real caches, and a process of another account."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from codeslm_lsp.engine.process import EngineOptions, EngineProcess
from codeslm_lsp.engine.protocol import GenerateRequest
from codeslm_lsp.engine.tuning import save_tuning
from codeslm_lsp.models.store import open_store
from codeslm_lsp.sandbox.consent import user_consents
from codeslm_lsp.usage.journal import Journal, Suggestion, usage_file
from codeslm_lsp.values import Tuning
from tests.fuzz.engine_messages import place_in
from tests.model.test_server import PATIENT
from tests.support.client import ROOT, editor
from tests.support.tiny_gguf import QWEN_SENTINELS, write_bpe_model

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="permissions and users of Unix")

SOMEBODY = 65_534
"""``nobody``: an account that every system has and nobody uses."""

needs_root = pytest.mark.skipif(
    sys.platform != "win32" and os.getuid() != 0, reason="only root can be another user: CI runs this as root"
)

CALLER = """
import hashlib, hmac, json, os, socket, sys
said = {}
try:
    card = json.loads(open(sys.argv[1] + "/card").read())
    said["card"] = "read"
except OSError as error:
    card, said["card"] = {"secret": sys.argv[2]}, type(error).__name__
end = socket.socket(socket.AF_UNIX)
end.settimeout(20)
try:
    end.connect(sys.argv[1] + "/socket")
    mine = os.urandom(32)
    end.sendall(mine)
    theirs = b""
    while len(theirs) < 32 and (part := end.recv(32 - len(theirs))):
        theirs += part
    if len(theirs) == 32:
        end.sendall(hmac.digest(card["secret"].encode(), b"codeslm client" + mine + theirs, "sha256"))
        body = b'{"jsonrpc": "2.0", "id": "1", "method": "engine/encode", "params": {"texts": ["x"]}}'
        end.sendall(b"Content-Length: %d\\r\\n\\r\\n" % len(body) + body)
    said["heard"] = len(theirs + end.recv(1000))
except OSError as error:
    said["heard"] = type(error).__name__
for path in sys.argv[3:]:
    try:
        said[path] = "listed" if os.path.isdir(path) and os.listdir(path) is not None else open(path, "rb").read(1)
    except OSError as error:
        said[path] = type(error).__name__
print(json.dumps(said, default=str))
"""
"""Says what it got: of the card, of the socket (how many bytes, if it could connect), of files and folders."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    write_bpe_model(path, sentinels=QWEN_SENTINELS)
    return path


def as_somebody(*arguments: str | Path, user: int = SOMEBODY) -> dict[str, object]:
    """Run ``CALLER`` as another user."""
    done = subprocess.run(
        [as_anybody_can(), "-I", "-c", CALLER, *map(str, arguments)],
        user=user,
        group=user,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def as_anybody_can() -> str:
    """A Python that other users may run; one in the home of root is not."""
    for program in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable):
        if Path(program).exists():
            tried = subprocess.run(
                [program, "-I", "-c", "1"], user=SOMEBODY, group=SOMEBODY, extra_groups=[], check=False
            )
            if tried.returncode == 0:
                return program
    pytest.skip("there is no Python that another user may run")


@needs_root
async def test_another_user_neither_reads_caches_nor_calls_the_engine(
    tiny: Path, runtime_folder: Path, sequences_dir: Path
) -> None:
    """Not even where somebody has opened all folders, and has told the secret: the system says who calls."""
    engine = EngineProcess(EngineOptions(tiny, n_ctx=2048, disk_bytes=64 << 20))
    await engine.ready(60_000)
    place = place_in(runtime_folder)
    secret = json.loads((place.folder / "card").read_text(encoding="utf-8"))["secret"]

    closed = as_somebody(place.folder, secret, runtime_folder, place.folder, sequences_dir)
    assert set(closed.values()) == {"PermissionError"}, closed

    for folder in (runtime_folder, place.folder.parent, place.folder):
        folder.chmod(0o755)
    for file in ("card", "socket"):
        (place.folder / file).chmod(0o666)
    opened = as_somebody(place.folder, secret, place.folder)
    assert opened.pop("heard") in (0, "ConnectionResetError", "BrokenPipeError"), "it was closed without a word"
    assert opened == {"card": "read", str(place.folder): "listed"}
    own = as_somebody(place.folder, secret, user=0)
    assert int(str(own["heard"])) >= 64, "the same program, as the user that the engine belongs to"

    async with engine.generate(GenerateRequest(tuple(range(40, 60)), (), frozenset(), 2, 60_000)) as stream:
        assert (await stream.result()).tokens
    place.folder.parent.chmod(0o700)
    place.folder.chmod(0o700)
    await engine.close()


@pytest.fixture
def no_umask() -> Iterator[None]:
    """What is made may be read and written by all, unless whoever makes it says otherwise."""
    before = os.umask(0)
    yield
    os.umask(before)


async def test_all_that_is_made_is_the_users_alone_whatever_the_umask(
    tiny: Path, runtime_folder: Path, tmp_path: Path, no_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings, a model, a session with an index, suggestions, sequences and figures, and what the user agreed to."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    project = tmp_path / "project"
    project.mkdir()
    (project / "shapes.py").write_text("def area(width, height):\n    return width * height\n", encoding="utf-8")
    for name in ("CONFIG", "INDEX_DIR", "SEQUENCES_DIR", "USAGE_DIR", "MODELS_DIR", "MACHINE_DIR"):
        monkeypatch.delenv(f"CODESLM_{name}", raising=False)
    for name in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "STATE_HOME"):
        monkeypatch.setenv(f"XDG_{name}", str(home / name.lower() / "deeper"))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime_folder))

    def codeslm(*words: str) -> str:
        command = [sys.executable, "-m", "codeslm_lsp.cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=120)
        return done.stdout + done.stderr

    codeslm("config", "set", "completion.alternatives", "0")
    codeslm("models", "pull", "qwen2.5-coder-0.5b", "--from", str(tiny))  # It is another one, and refused.
    options = {**PATIENT, "engine": {"shared": True}}
    start = ["-m", "codeslm_lsp.cli", "--model", str(tiny), "serve"]
    async with editor(start, options=options, root=project) as client:
        text = (
            "import json\nfrom shapes import area\n\n\ndef all_areas(pairs):\n"
            + "    pairs = list(pairs)\n" * 40
            + "    ret"
        )
        uri = (project / "main.py").as_uri()
        client.open(uri, text)
        await client.complete(uri, len(text))
        made = modes(runtime_folder)
        sockets = [path for path, mode in made.items() if stat.S_ISSOCK(mode)]
        assert sockets, "there is no engine"
    user_consents().allow(project)
    save_tuning(tiny, Tuning(1, 1, 64, False, 1.0, 1.0, ()))
    store = open_store()
    shutil.copyfile(tiny, store.root / "tiny.gguf")
    (store.root / "tiny.gguf").chmod(0o600)
    store.verify(store.root / "tiny.gguf")
    journal = Journal(usage_file())
    journal.shown(Suggestion("1", "python", "tiny", "automatic", 1, 1, 0.5, 1.0, False))
    journal.close()
    made |= modes(home)
    kinds = {path.suffix or path.name for path, mode in made.items() if not stat.S_ISDIR(mode)}
    assert {".toml", ".sqlite", ".sequence", ".json", "socket", "card"} <= kinds, kinds
    open_ones = {str(path): oct(mode) for path, mode in made.items() if mode & 0o077}
    assert open_ones == {}


def modes(folder: Path) -> dict[Path, int]:
    """Of all that is in a folder."""
    return {path: path.lstat().st_mode for path in folder.rglob("*")}
