"""What a soak plays on: folders of its own, a small disk, a model that can be moved away, and its processes.

Every process that is started here carries a mark in its environment, and so does whatever it starts in turn.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from codeslm_lsp.models.pull import pull
from codeslm_lsp.models.store import open_store
from tests.soak.corpus import Source
from tests.support.client import ROOT
from tests.support.tiny_gguf import write_bpe_model

MARK = "CODESLM_SOAK"

INSIDE = "CODESLM_SOAK_INSIDE"
"""Set in the process that may mount the small disk."""

DISK_MEGABYTES = 192
SEQUENCES_MEGABYTES = 64
"""What the engine may save; the disk is large enough for that and an index, and can be filled in a moment."""

REPLAY, TINY = "replay", "tiny"
"""Names of models that are none: a script in the server's place of an engine, and random weights in a real engine."""

ENGINE, INDEXER = "codeslm_lsp.engine.claim", "codeslm_lsp.workspace.indexer"
MATHEMATICS, ENVIRONMENT = "codeslm_lsp.mathematics.worker", "codeslm_lsp.workspace.environment_process"


def enter_own_mounts() -> None:
    """Start this program anew where it may mount a disk that nobody else sees, if the system lets it. Linux alone."""
    if INSIDE in os.environ:
        return
    for walls in (["--mount"], ["--user", "--map-root-user", "--mount"]):
        probe = ["unshare", *walls, "mount", "-t", "tmpfs", "none", "/mnt"]
        with suppress(OSError):
            if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
                again = ["unshare", *walls, sys.executable, *sys.orig_argv[1:]]
                os.execvpe("unshare", again, os.environ | {INSIDE: "1"})


class World:
    """Where everything of one soak lies. ``model`` is None where the engine only replays."""

    def __init__(self, model: str, sources: Sequence[Source]) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="codeslm-soak-"))  # Short: a socket's path has to be.
        self.mark = uuid.uuid4().hex
        self.project = self.folder / "project"
        self.caches = self.folder / "caches"
        self.clock = self.folder / "clock"
        self.runtime = self.folder / "run"
        for each in (self.project, self.caches, self.runtime):
            each.mkdir(mode=0o700)
        self.has_small_disk = _mount_small_disk(self.caches)
        for source in sources:
            path = self.project / source.path
            path.parent.mkdir(exist_ok=True)
            path.write_text(source.text, encoding="utf-8")
        self.model = None if model == REPLAY else self._place_model(model)

    @property
    def command(self) -> list[str]:
        """What an editor starts."""
        if self.model is None:
            return ["-m", "tests.support.replay_server"]
        return ["-m", "codeslm_lsp.cli", "--model", str(self.model), "serve"]

    @property
    def environment(self) -> dict[str, str]:
        """What servers are started with beside the environment of this process."""
        return {
            MARK: self.mark,
            "PYTHONPATH": os.pathsep.join((str(Path(__file__).parent / "clock"), str(ROOT))),
            "CODESLM_SOAK_CLOCK": str(self.clock),
            "CODESLM_TEST_SCRIPT": '{"echoes": true}',
            "CODESLM_CONFIG": str(self.folder / "config.toml"),
            "CODESLM_SEQUENCES_DIR": str(self.caches / "sequences"),
            "CODESLM_INDEX_DIR": str(self.caches / "index"),
            "CODESLM_USAGE_DIR": str(self.caches / "usage"),
            "CODESLM_MACHINE_DIR": str(self.caches / "machine"),
            "XDG_RUNTIME_DIR": str(self.runtime),
        }

    def processes(self, module: str = "") -> list[psutil.Process]:
        """Those that were started here and live, directly or not; of one module, if it is named."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                is_ours = process.environ().get(MARK) == self.mark and process.status() != psutil.STATUS_ZOMBIE
                if is_ours and (not module or module in process.cmdline()):
                    found.append(process)
        return found

    def places(self) -> list[Path]:
        """The folders in which engines can be called."""
        return [path for path in (self.runtime / "codeslm").glob("*") if path.is_dir()]

    def remove(self) -> None:
        """Leave nothing on the disk."""
        if self.has_small_disk:
            subprocess.run(["umount", "--lazy", str(self.caches)], capture_output=True, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _place_model(self, name: str) -> Path:
        """A link to the model, or one of random weights, which can be moved away without harm to anybody."""
        path = self.folder / f"{TINY}.gguf"
        if name == TINY:
            write_bpe_model(path)
            return path
        path = self.folder / "model.gguf"
        given = Path(name)
        path.symlink_to(given if given.is_file() else pull(name, store=open_store(), progress=lambda _progress: None))
        return path


def _mount_small_disk(folder: Path) -> bool:
    """Whether that was possible: only in mounts of our own, so that nobody else gets to see it."""
    if INSIDE not in os.environ:
        return False
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m,mode=700", "none", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0
