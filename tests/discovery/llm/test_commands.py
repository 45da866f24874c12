"""Language models on the command line: runs, replays, accounts and notes, from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.runs import open_run
from llm_runs import Rules
from llm_server import serving

DISCOVER = str(Path(sys.executable).with_name("discover"))
CONFIG = """
name: small
budget: {{evaluations: 4}}
evaluation: {{tasks: [digits_mlp], learning_rates: [3e-2], fresh_seeds: 2, batch: 1, sandbox: 0, finalists: 1}}
executor: {{kind: inprocess}}
report: {{elites: 1, baselines: []}}
emitters:
  llm:
    weight: 2.0
    patient: true
    models:
      - {{model: tiny, base_url: "{url}", price: {{prompt: 1.0, answer: 2.0}}, concurrency: 1}}
"""

Call = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run was made with a server that is gone since."""
    path = tmp_path_factory.mktemp("commands")
    with serving(Rules()) as server:
        (path / "small.yaml").write_text(CONFIG.format(url=server.url))
        done = subprocess.run([DISCOVER, "run", "small.yaml"], cwd=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Language models" in done.stdout
    assert "Emitters" in done.stdout
    return path


@pytest.fixture
def discover(folder: Path) -> Call:
    return lambda *arguments: subprocess.run(
        [DISCOVER, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_status_has_the_accounts_of_every_model_and_prompt(discover: Call) -> None:
    found = document(discover("status", "small", "--json"))
    lines = found["calls"]
    assert {line["model"] for line in lines} == {"tiny"}
    assert (
        sum(line["fates"].get("valid", 0) + line["fates"].get("repaired", 0) for line in lines)
        == (found["emitter_statistics"]["llm"]["novel"])
    )
    cost = sum(line["cost"] for line in lines)
    assert cost == pytest.approx(sum(line["prompt_tokens"] + 2 * line["answer_tokens"] for line in lines) / 1e6)
    assert found["critic"] is None


def test_a_replay_needs_no_server_and_ends_with_the_same_rules(discover: Call, folder: Path) -> None:
    report = document(discover("run", "small.yaml", "--name", "again", "--llm-replay", "small", "--json"))
    first, again = (open_run(name, folder / "runs").store for name in ("small", report["run"]))
    assert again.candidates() == first.candidates()
    assert again.verdicts() == first.verdicts()


def test_a_replay_of_a_run_that_is_not_there_is_wrong_use(discover: Call) -> None:
    done = discover("run", "small.yaml", "--name", "never", "--llm-replay", "nothing")
    assert done.returncode == 2
    assert "There is no run 'nothing'" in done.stderr


def test_a_key_that_is_missing_is_wrong_use_and_leaves_no_run(discover: Call, folder: Path) -> None:
    done = discover("run", "small.yaml", "--name", "keyless", "--set", "emitters.llm.models.0.api_key_env=NOT_SET")
    assert done.returncode == 2
    assert "the environment variable NOT_SET is not set" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (folder / "runs" / "keyless").exists()


def test_notes_are_shown_and_pruned(discover: Call) -> None:
    found = document(discover("insights", "small", "--json"))
    assert (found["run"], found["forgotten"]) == ("small", [])
    keys = [note["key"] for note in found["insights"]]
    assert discover("insights", "small", "--forget", "xyz").returncode == 2
    done = discover("insights", "small", *(f"--forget={key}" for key in keys[:1]))
    assert done.returncode == 0
    assert all(key in done.stdout for key in keys[1:])
    assert not any(key in done.stdout for key in keys[:1])
