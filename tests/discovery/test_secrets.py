"""A key in the driver's environment reaches its server, and no worker and nothing that a run leaves behind."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llm_server import Reply, Server, serving

pytestmark = pytest.mark.xdist_group("ray")  # one Ray at a time

KEY = f"sk-planted-{uuid.uuid4().hex}"
CONFIG = """
name: keyless
budget: {evaluations: 500}
evaluation: {tasks: [digits_mlp], learning_rates: [1e-3, 1e-2], finalists: 1, batch: 2}
executor: {kind: ray, workers: 1}
emitters:
  llm:
    weight: 9
    models: [{model: m, base_url: "URL", api_key_env: OPENAI_API_KEY, retries: 0}]
    breaker: {pause: 0.1, give_up: 1000}
"""


def environments() -> dict[int, bytes]:
    """The environment and command line of every process that may be read, by process id."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                found[int(folder.name)] = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            except OSError:
                continue
    return found


def measured_something(run: Path) -> bool:
    """Whether every process that a run needs has been at work."""
    if not (run / "config.yaml").exists():
        return False
    with closing(sqlite3.connect(run / "run.db")) as connection:
        return connection.execute("SELECT id FROM evaluations LIMIT 1").fetchone() is not None


def indiscreet(request: dict[str, Any]) -> str | Reply:
    """Quotes the key in a complaint, then in answers."""
    return Reply({"error": f"I do not like {KEY}"}, 500) if request["seed"] % 2 else f"You said {KEY}."


def test_a_planted_key_stays_between_the_driver_and_its_server(tmp_path: Path) -> None:
    with serving(indiscreet) as server:
        (tmp_path / "keyless.yaml").write_text(CONFIG.replace("URL", server.url))
        check(tmp_path, server)
    assert all(request["headers"]["authorization"] == f"Bearer {KEY}" for request in server.requests)


def check(tmp_path: Path, server: Server) -> None:
    discover = str(Path(sys.executable).with_name("discover"))
    temporary = tempfile.mkdtemp(prefix="ray")  # Ray's sockets need a short path
    environment = {**os.environ, "OPENAI_API_KEY": KEY, "TMPDIR": temporary}
    driver = subprocess.Popen(
        [discover, "run", "keyless.yaml"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        run = tmp_path / "runs" / "keyless"
        while not (measured_something(run) and len(server.requests) > 4) and driver.poll() is None:
            time.sleep(0.1)
        holders = {process for process, text in environments().items() if KEY.encode() in text}
        workers = [process for process, text in environments().items() if b"ray::Worker" in text]
    finally:
        driver.send_signal(signal.SIGINT)
        output, _ = driver.communicate()
    assert workers, output.decode()
    assert holders == {driver.pid}
    assert KEY.encode() not in output
    folders = [tmp_path, Path(temporary)]
    left_behind = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "run.db" for path in left_behind)
    assert any(path.parent.name == "logs" for path in left_behind), "Ray's logs are among what is searched"
    assert [path for path in left_behind if KEY.encode() in path.read_bytes()] == []
    shutil.rmtree(temporary)
