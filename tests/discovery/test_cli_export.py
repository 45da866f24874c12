"""`discover export` of rules that belong to no run, in this process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from discovery.cli import app


def test_a_rule_is_written_for_torch_or_for_optax(tmp_path: Path) -> None:
    for to, expected in (("torch", "class MyLion(torch.optim.Optimizer)"), ("optax", "def my_lion(\n")):
        file = tmp_path / "my-lion.py"
        arguments = ["export", "lion", "-o", str(file), "--to", to, "--certificate", "runs/7.json", "--json"]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        assert json.loads(result.stdout)["to"] == to
        source = file.read_text(encoding="utf-8")
        assert expected in source
        assert "Certificate: runs/7.json" in source
        assert "begin with AdamW's divided by 4." in " ".join(source.split())


@pytest.mark.parametrize(
    ("file", "options", "problem"),
    [
        ("torch.py", [], "would stand in for the module torch"),
        ("optax.py", ["--to", "optax"], "would stand in for the module optax"),
        ("mine.py", ["--name", "class"], "cannot be the name"),
        ("mine.py", ["--to", "optax", "--name", "jnp"], "cannot be the name"),
        ("mine.py", ["--to", "tensorflow"], "tensorflow"),
    ],
)
def test_what_cannot_be_written_is_wrong_use(tmp_path: Path, file: str, options: list[str], problem: str) -> None:
    result = CliRunner().invoke(app, ["export", "lion", "-o", str(tmp_path / file), *options])
    assert result.exit_code == 2
    assert problem in " ".join(result.output.replace("│", " ").split())
    assert not (tmp_path / file).exists()
