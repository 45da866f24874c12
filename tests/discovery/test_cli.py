"""The command line from outside: real processes, real training, exit codes, JSON, and kills."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from archive.store import Store

CONFIG = """
name: small
budget: {evaluations: 6}
evaluation: {tasks: [digits_mlp], learning_rates: [1e-3, 1e-2, 1e-1], fresh_seeds: 2, batch: 3, sandbox: 0}
executor: {kind: inprocess}
report: {elites: 2, baselines: [sgd]}
"""

Discover = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(CONFIG)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [str(Path(sys.executable).with_name("discover")), *arguments]


@pytest.fixture
def discover(folder: Path) -> Discover:
    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True, check=False)

    return call


def document(result: subprocess.CompletedProcess[str]) -> Any:
    """Standard output as the one JSON document it must be."""
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_run_can_be_looked_into_and_exported(discover: Discover, folder: Path) -> None:
    report = document(discover("run", "small.yaml", "--json"))
    assert report["run"] == "small"
    names = {result["candidate"]["name"] for result in report["results"]}
    assert {"adamw", "sgd"} <= names
    assert all(result["fresh"] is not None for result in report["results"])

    status = document(discover("status", "small", "--json"))
    assert status["phase"] == "done"
    made = {"symbolic", "crossover", "constants", "random"}
    assert sum(number for emitter, number in status["emitters"].items() if emitter in made) == 6
    assert status["open_jobs"] == 0

    elites = document(discover("elites", "small", "--json"))["elites"]
    assert len(elites) == status["cells"]
    assert elites[0]["score"] == max(elite["score"] for elite in elites)

    shown = document(discover("show", "small:2", "--json"))
    assert shown["source"].startswith("def sgd(")
    found = next(elite for elite in elites if elite["candidate"]["parents"]) if len(elites) > 1 else elites[0]
    lineage = document(discover("show", f"small:{found['candidate']['id']}", "--json"))["lineage"]
    assert lineage[-1]["name"] == "adamw"

    exported = document(discover("export", "small:best", "-o", "mine.py", "--name", "Mine", "--json"))
    assert exported["class"] == "Mine"
    written = (folder / "mine.py").read_text()
    assert "class Mine(torch.optim.Optimizer)" in written
    assert "Learning rate. Best in the search: " in written


def test_the_level_of_isolation_is_recorded_with_every_evaluation(discover: Discover, folder: Path) -> None:
    for level in (0, 1):
        changes = ["--set", "budget.evaluations=1", "--set", f"evaluation.sandbox={level}", "--name", f"level-{level}"]
        assert discover("run", "small.yaml", *changes).returncode == 0
        with Store.open(f"sqlite:///{folder}/runs/level-{level}/run.db") as store:
            assert {evaluation.sandbox for evaluation in store.run(f"level-{level}").evaluations()} == {level}


def test_doctor_says_what_holds_here(discover: Discover) -> None:
    found = document(discover("doctor", "--json"))
    assert 1 <= found["level"] <= 3
    assert {"limits", "landlock", "seccomp", "bubblewrap"} <= {layer["name"] for layer in found["layers"]}
    promised = [probe for probe in found["probes"] if probe["expected"]]
    assert promised
    assert all(probe["blocked"] for probe in promised)
    table = discover("doctor").stdout
    assert f"level {found['level']} of 3" in table
    assert found["engine"] in table
    assert (found["engine"] == "native") == (found["engine_obstacle"] is None) == (found["engine_advice"] is None)


def test_tables_are_for_people_and_carry_the_next_commands(discover: Discover) -> None:
    result = discover("run", "small.yaml", "--set", "budget.evaluations=2")
    assert result.returncode == 0, result.stderr
    assert "adamw" in result.stdout
    assert "discover show small:best" in result.stdout
    for verb in ("status", "elites"):
        assert discover(verb, "small").returncode == 0
    assert "Lineage" in discover("show", "small:best").stdout


@pytest.mark.parametrize(
    "verb",
    [
        *("run", "resume", "status", "elites", "show", "export", "doctor", "estimate", "race"),
        *("bench sandbox", "bench hostile"),
    ],
)
def test_every_verb_has_help_with_an_example(discover: Discover, verb: str) -> None:
    result = discover(*verb.split(), "--help")
    assert result.returncode == 0
    assert f"discover {verb}" in result.stdout
    assert "Example" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "nowhere.yaml"], 2, "no such file"),
        (["run", "small.yaml", "--set", "evaluation.sedes=3"], 2, "evaluation.seeds"),
        (["run", "small.yaml", "--set", "start=[adamv]"], 2, "adamw"),
        (["resume", "nothing"], 2, "no run 'nothing'"),
        (["status", "nothing"], 2, "no run 'nothing'"),
        (["show", "lino"], 2, "lion"),
        (["export", "lion", "-o", "no/such/folder/file.py"], 2, "No such file"),
        (["export", "lion", "-o", "x.py", "--name", "not a name"], 2, "not a name"),
        (["fly"], 2, "fly"),
    ],
)
def test_wrong_use_is_explained_and_exits_with_2(
    discover: Discover, folder: Path, arguments: list[str], code: int, message: str
) -> None:
    result = discover(*arguments)
    assert result.returncode == code
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert not (folder / "runs").exists(), "a command that fails leaves nothing behind"


def test_a_foreign_database_is_refused_and_not_touched(discover: Discover, folder: Path) -> None:
    assert discover("run", "small.yaml", "--set", "budget.evaluations=1").returncode == 0
    database = folder / "runs/small/run.db"
    for path in database.parent.glob("run.db*"):
        path.unlink()
    with sqlite3.connect(database) as connection:
        connection.execute("create table cats (name text)")
    connection.close()
    before = database.read_bytes()
    result = discover("resume", "small")
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert database.read_bytes() == before


def facts(path: Path) -> Any:
    """What a run found out, without clock readings."""
    with Store.open(f"sqlite:///{path}/run.db") as store:
        run = store.run("small")
        evaluations = [
            (e.candidate, e.task, e.purpose, e.seeds, e.result.outcome, e.result.losses) for e in run.evaluations()
        ]
        return run.candidates(), run.verdicts(), evaluations


def measured(folder: Path) -> int:
    """How many evaluations a run has stored; -1 before it is one."""
    if not (folder / "config.yaml").exists():
        return -1
    with closing(sqlite3.connect(folder / "run.db")) as connection:
        (number,) = connection.execute("SELECT count(*) FROM evaluations").fetchone()
    return int(number)


def interrupt(folder: Path, how: signal.Signals, at: int, *arguments: str) -> int:
    """Start `discover`, wait until the run has so many evaluations, and send a signal."""
    process = subprocess.Popen(
        command(*arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ)
    )
    try:
        while measured(folder / "runs/small") < at and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(how)
        return process.wait()
    finally:
        process.kill()  # one that went on would keep a core from all tests that follow


def test_killed_runs_resume_to_the_same_archive_bit_for_bit(discover: Discover, folder: Path) -> None:
    assert discover("run", "small.yaml", "--runs", "whole").returncode == 0
    interrupt(folder, signal.SIGKILL, 0, "run", "small.yaml")
    for at in (0, 2, 5):
        assert interrupt(folder, signal.SIGKILL, at, "resume", "small") == -signal.SIGKILL
    assert discover("resume", "small").returncode == 0
    assert facts(folder / "runs/small") == facts(folder / "whole/small")


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_exits_with_130_and_can_be_resumed(discover: Discover, folder: Path, how: signal.Signals) -> None:
    slow = ["run", "small.yaml", "--set", "budget.evaluations=100000"]
    assert interrupt(folder, how, 3, *slow) == 130
    assert document(discover("status", "small", "--json"))["phase"] != "done"
    stopped = facts(folder / "runs/small")
    assert interrupt(folder, signal.SIGINT, len(stopped[2]) + 1, "resume", "small") == 130
    assert facts(folder / "runs/small")[0][: len(stopped[0])] == stopped[0]
