"""``codeslm serve --openai`` as somebody runs it, with a real model."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx2

PREFIX = "def gcd(a, b):\n    while b:\n        a, b = "


def test_other_programs_are_answered(small_model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "codeslm_lsp.cli", "--model", str(small_model), "serve", "--openai", "127.0.0.1:0"]
    environment = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path)
    try:
        assert process.stderr is not None
        found = re.fullmatch(
            r"Listening on (http://127\.0\.0\.1:\d+); the key is in (.+)\.\n", process.stderr.readline()
        )
        assert found is not None
        headers = {"Authorization": f"Bearer {Path(found[2]).read_text(encoding='utf-8').strip()}"}
        body = {"prompt": PREFIX, "suffix": "\n    return a\n", "max_tokens": 16}
        with httpx2.Client(base_url=found[1], headers=headers, timeout=120) as client:
            answer = client.post("/v1/completions", json=body).json()
            assert answer["choices"][0]["text"] == "b, a % b"
            assert answer["usage"]["prompt_tokens"] > 10
            before, line = PREFIX[: -len("        a, b = ")], "        a, b = "
            infill = {"input_prefix": before, "prompt": line, "input_suffix": "\n    return a\n"}
            assert client.post("/infill", json=infill).json()["content"] == "b, a % b"
            assert client.post("/infill", json=infill, headers={"Authorization": "Bearer no"}).status_code == 401
    finally:
        process.terminate()
        process.communicate(timeout=60)
