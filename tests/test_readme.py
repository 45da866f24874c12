"""The README keeps its promises: its rules parse, its example trains."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from programs import zoo
from programs.parse import parse

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    """The fenced blocks of the README in one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def found_rule() -> str:
    """The discovered rule that the README shows."""
    (rule,) = re.findall(r"^def candidate\(.*?^    return [^\n]*\n", README, flags=re.DOTALL | re.MULTILINE)
    return str(rule)


def test_the_rule_shown_as_adamw_is_adamw() -> None:
    (text,) = [block for block in blocks("python") if block.startswith("def adamw")]
    assert parse(text) == zoo.load("adamw")


def test_the_example_trains_with_the_exported_rule_that_the_readme_found(tmp_path: Path) -> None:
    (tmp_path / "found.rule").write_text(found_rule())
    discover = str(Path(sys.executable).with_name("discover"))
    export = [discover, "export", "found.rule", "-o", "my_optimizer.py"]
    subprocess.run(export, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    (example,) = [block for block in blocks("python") if "my_optimizer" in block]
    (tmp_path / "train.py").write_text("import torch\n\ntorch.manual_seed(0)\n" + example)
    run = [sys.executable, "train.py"]
    result = subprocess.run(run, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=240)
    accuracy = float(result.stdout.rpartition(":")[2])
    assert 0.85 < accuracy <= 1.0


@pytest.mark.parametrize("target", re.findall(r"\]\((?!http)([^)#]+)\)", README))
def test_links_of_the_readme_lead_somewhere(target: str) -> None:
    assert (ROOT / target).exists()
