"""`discover compare` and `discover promote` from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from discovery.cli import app

QUICK = ["--trials", "6", "--seeds", "3", "--budget", "0.03"]


def test_rules_are_compared_without_a_run(tmp_path: Path) -> None:
    rule = tmp_path / "mine.rule"
    rule.write_text("def mine(g, lr):\n    return sign(g) * lr\n", encoding="utf-8")
    plot = tmp_path / "compared.svg"
    command = ["compare", str(rule), "nesterov", "--tasks", "digits_mlp@batch=2", *QUICK, "--plot", str(plot), "--json"]
    command += ["--out", str(tmp_path / "compared.jsonl")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert document["settings"] == ["digits_mlp@batch=2"]
    assert list(document["rules"]) == [str(rule), "nesterov", "adamw"]
    assert {choice["trials"] for each in document["rules"].values() for choice in each["choices"].values()} == {6}
    there, back = document["comparisons"][str(rule)]["adamw"], document["comparisons"]["adamw"][str(rule)]
    assert there["interval"]["score"] == pytest.approx(1 / back["interval"]["score"])
    assert there["confidence"] == pytest.approx(1 - 0.05 / 3)
    assert plot.read_text(encoding="utf-8").startswith("<?xml")
    kept = (tmp_path / "compared.jsonl").read_text(encoding="utf-8")
    assert json.loads(CliRunner().invoke(app, command).stdout) == document
    assert (tmp_path / "compared.jsonl").read_text(encoding="utf-8") == kept, "nothing is measured twice"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lion", "--tasks", "digits"], "Unknown task 'digits'"),
        (["lion", "--tasks", "digits_mlp@depth=2"], "Variant 'depth=2'"),
        (["lion", "lion", "--tasks", "digits_mlp"], "'lion' is named twice"),
        (["nothing", "--tasks", "digits_mlp"], "There is no rule 'nothing'"),
        (["MINE", "--tasks", "schema_mlp"], "schema_mlp is a sealed test task"),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: list[str], message: str, tmp_path: Path) -> None:
    rule = tmp_path / "mine.rule"
    rule.write_text("def mine(g, lr):\n    return sign(g) * lr\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["compare", *(str(rule) if each == "MINE" else each for each in arguments)])
    assert result.exit_code != 0
    assert message in f"{result.output} {result.exception}".replace("│", "").replace("\n", " ")


def test_a_file_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine\n", encoding="utf-8")
    command = ["compare", "lion", "--tasks", "digits_mlp", *QUICK, "--out", str(tmp_path / "notes.txt")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "holds no such records" in " ".join(result.output.replace("│", "").split())
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine\n"


def test_a_run_that_is_not_there_cannot_be_promoted(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["promote", "nothing", "--runs", str(tmp_path)])
    assert "There is no run 'nothing'" in str(result.exception)
