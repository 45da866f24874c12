"""`discover race` and `discover estimate` from outside: real processes, real training, an interruption."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

CONFIG = """
name: mine
budget: {minutes: 1}
evaluation: {tasks: [digits_mlp], learning_rates: [1e-3, 1e-2, 1e-1], fresh_seeds: 2, batch: 2, sandbox: 0}
executor: {kind: inprocess}
report: {elites: 1, baselines: []}
"""
DISCOVER = str(Path(sys.executable).with_name("discover"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mine.yaml").write_text(CONFIG)
    return tmp_path


def document(folder: Path, *arguments: str) -> Any:
    done = subprocess.run([DISCOVER, *arguments, "--json"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_race_goes_on_where_it_was_interrupted_and_compares_everybody(folder: Path) -> None:
    race = ["race", "mine.yaml", "--budget", "2", "--seeds", "1"]
    process = subprocess.Popen([DISCOVER, *race], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    while not list(folder.glob("runs/race/mine-0/race.log")) and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert not (folder / "runs/race/race.json").exists()

    found = document(folder, *race)
    standings = {standing["name"]: standing for standing in found["standings"]}
    assert standings.keys() == {"mine", "random", "constants"}
    for standing in standings.values():
        assert standing["final"]["median"] > 0
        assert sum(emitter["evaluated"] for emitter in standing["emitters"].values()) == 2
    assert json.loads((folder / "runs/race/race.json").read_text())["standings"] == found["standings"]
    assert (folder / "runs/race/race.md").read_text().count("| mine ") >= 1
    assert "<svg" in (folder / found["plot"]).read_text()


def test_a_race_has_one_budget(folder: Path) -> None:
    for budget in ([], ["--budget", "2", "--minutes", "1"]):
        done = subprocess.run(
            [DISCOVER, "race", "mine.yaml", *budget], cwd=folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert "give either --budget or --minutes" in done.stderr


def test_a_race_against_time_ends_when_everybody_had_theirs(folder: Path) -> None:
    found = document(folder, "race", "mine.yaml", "--minutes", "0.03", "--seeds", "1")
    assert (found["minutes"], found["seeds"]) == (0.03, 1)
    assert {standing["name"] for standing in found["standings"]} == {"mine", "random", "constants"}


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ("evaluation.time_limit=0.001", 1, "The reference adamw failed"),
        ("start=[missing.rule]", 2, "The file 'missing.rule' is not there"),
    ],
)
def test_what_goes_wrong_is_said_in_one_message(folder: Path, change: str, code: int, said: str) -> None:
    race = [DISCOVER, "race", "mine.yaml", "--budget", "1", "--seeds", "1", "--jobs", "1", "--set", change]
    done = subprocess.run(race, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_an_estimate_says_what_every_limit_comes_to(folder: Path) -> None:
    found = document(folder, "estimate", "mine.yaml", "--set", "budget={evaluations: 500, minutes: 600}")
    assert found["evaluations_per_s"] > 0
    assert found["worker_memory_bytes"] is None, "at level 0 there is no process below the driver"
    by_name = {limit["name"]: limit for limit in found["limits"]}
    assert by_name["evaluations"]["evaluations"] == 500
    assert by_name["minutes"]["seconds"] >= 600 * 60 * 0.99
    assert found["ends_with"] == "evaluations"
    assert all(limit["device_seconds"] > 0 and limit["disk_bytes"] > 0 for limit in found["limits"])
    assert not (folder / "runs").exists(), "an estimate leaves nothing behind"
