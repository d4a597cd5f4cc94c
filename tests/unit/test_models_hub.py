"""The Hugging Face source against a small server that answers as the hub does: resumed, checked, quick to give up."""

from __future__ import annotations

import dataclasses
import hashlib
import re
import shutil
import socket
import threading
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from codeslm_lsp.models.catalogue import Catalogue, Entry, HubFile, load_catalogue
from codeslm_lsp.models.pull import Phase, Progress, pull
from codeslm_lsp.models.store import Store, read_sidecar
from codeslm_lsp.values import DownloadFailed, ModelDamaged
from tests.support import tiny_gguf

Usage = namedtuple("Usage", "total used free")  # what shutil.disk_usage returns


class Hub(ThreadingHTTPServer):
    """One file at ``/team/model/resolve/main/tiny.gguf``, with the headers that the hub sends for a large file."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = content
        self.etag = hashlib.sha256(content).hexdigest()
        self.status = 200
        self.error_code = ""
        self.requests: list[tuple[str, str | None]] = []
        """Method and ``Range`` of every request."""
        self.paths: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        hub = self.server
        hub.requests.append((self.command, self.headers["Range"]))
        hub.paths.append(self.path)
        found = self.path == "/team/model/resolve/main/tiny.gguf" and hub.status == 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        body = hub.content[int(wanted[1]) if wanted else 0 :] if found else b""
        self.send_response((206 if wanted else 200) if found else 404 if hub.status == 200 else hub.status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{hub.etag}"')
        self.send_header("X-Linked-Etag", f'"{hub.etag}"')
        self.send_header("X-Linked-Size", str(len(hub.content)))
        self.send_header("X-Repo-Commit", "0" * 40)
        if hub.error_code:
            self.send_header("X-Error-Code", hub.error_code)
        self.end_headers()
        return body

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture(scope="module")
def model_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("models") / "tiny.gguf"
    tiny_gguf.write_codegemma_model(path)
    return path.read_bytes()


@pytest.fixture
def hub(model_bytes: bytes, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(model_bytes) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def entry() -> Entry:
    """As CodeGemma's: its size and hash are not known to the catalogue."""
    return dataclasses.replace(
        load_catalogue().find("codegemma-2b"), name="tiny", file="tiny.gguf", hub=HubFile("team/model", "tiny.gguf")
    )


@pytest.fixture
def store(tmp_path: Path, entry: Entry) -> Store:
    return Store(tmp_path / "store", Catalogue((entry,)))


def ignore(progress: Progress) -> None:
    """A progress callback for tests that do not look."""


def test_the_file_arrives_and_its_hash_is_recorded(hub: Hub, store: Store, model_bytes: bytes) -> None:
    seen: list[Progress] = []
    path = pull("tiny", store=store, progress=seen.append)
    assert path.read_bytes() == model_bytes
    sidecar = read_sidecar(path)
    assert sidecar
    assert (sidecar.sha256, sidecar.source) == (hub.etag, "Hugging Face")
    total = len(model_bytes)
    assert Progress(total, total, "Hugging Face", Phase.DOWNLOAD) in seen
    assert seen[-1] == Progress(total, total, "Hugging Face", Phase.VERIFY)
    assert [method for method, _ in hub.requests] == ["HEAD", "GET"]
    assert set(hub.paths) == {"/team/model/resolve/main/tiny.gguf"}, "nothing else is told to the hub"


def test_nothing_is_asked_of_the_hub_when_the_model_is_there(hub: Hub, store: Store) -> None:
    pull("tiny", store=store, progress=ignore)
    hub.requests.clear()
    pull("tiny", store=store, progress=ignore)
    assert hub.requests == []


def test_an_interrupted_download_is_resumed(
    hub: Hub, store: Store, model_bytes: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 64 << 10)

    def press_control_c(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pull("tiny", store=store, progress=press_control_c)
    assert store.installed() == []
    (part,) = (store.root / ".partial" / "tiny").glob("hub-*.part")
    done = part.stat().st_size
    assert 0 < done < len(model_bytes)
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes
    assert hub.requests[-1] == ("GET", f"bytes={done}-")


def test_a_part_of_an_older_version_is_not_continued(hub: Hub, store: Store, model_bytes: bytes) -> None:
    partial = store.root / ".partial" / "tiny"
    partial.mkdir(parents=True)
    (partial / f"hub-{'a' * 64}.part").write_bytes(b"from another version of the file")
    assert pull("tiny", store=store, progress=ignore).read_bytes() == model_bytes
    assert hub.requests[-1] == ("GET", None)


def test_the_hash_that_the_hub_promises_is_checked(hub: Hub, store: Store) -> None:
    hub.etag = "b" * 64
    with pytest.raises(ModelDamaged, match="from Hugging Face has the SHA-256"):
        pull("tiny", store=store, progress=ignore)
    assert store.installed() == []
    assert not store.partial(store.catalogue.find("tiny")).exists()


@pytest.mark.parametrize("change", [{"size_bytes": 12}, {"sha256": "c" * 64}])
def test_another_file_than_the_catalogues_is_noticed_before_it_is_downloaded(
    hub: Hub, tmp_path: Path, entry: Entry, change: dict[str, str | int]
) -> None:
    store = Store(tmp_path / "store", Catalogue((dataclasses.replace(entry, **change),)))  # type: ignore[arg-type]
    with pytest.raises(DownloadFailed, match="Hugging Face: has another file now"):
        pull("tiny", store=store, progress=ignore)
    assert [method for method, _ in hub.requests] == ["HEAD"]


def test_a_gated_model_says_what_to_do(hub: Hub, store: Store) -> None:
    hub.status, hub.error_code = 401, "GatedRepo"
    with pytest.raises(
        DownloadFailed, match=r"accept the licence on https://huggingface\.co/team/model, then run `hf auth login`"
    ):
        pull("tiny", store=store, progress=ignore)


def test_no_space_is_said_before_the_file_is_asked_for(hub: Hub, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is known from the hub alone."""
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(10**12, 10**12 - 1000, 1000))
    with pytest.raises(DownloadFailed, match=r"are needed in .*CODESLM_MODELS_DIR"):
        pull("tiny", store=store, progress=ignore)
    assert {method for method, _ in hub.requests} == {"HEAD"}


def test_a_file_that_the_hub_does_not_have(hub: Hub, tmp_path: Path, entry: Entry) -> None:
    other = dataclasses.replace(entry, hub=HubFile("team/model", "other.gguf"))
    with pytest.raises(DownloadFailed, match="Hugging Face: answered with HTTP status 404"):
        pull("tiny", store=Store(tmp_path / "store", Catalogue((other,))), progress=ignore)


def test_a_hub_that_cannot_be_reached(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed_soon:
        port = closed_soon.getsockname()[1]
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{port}")
    with pytest.raises(
        DownloadFailed, match=r"Hugging Face: cannot be reached \(.*check the network, or copy the file"
    ):
        pull("tiny", store=store, progress=ignore)


def test_a_hub_that_accepts_but_never_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codeslm_lsp.models.hub.CONNECT_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(DownloadFailed, match=r"Hugging Face: cannot be reached"):
            pull("tiny", store=store, progress=ignore)
