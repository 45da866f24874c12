"""`discover same` and `discover diff`."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from discovery.cli import app
from discovery.cli.diff import aligned

HALF = "def half(w, g, lr):\n    idle = exp(w)\n    return g * lr / 2\n"
MOMENTUM = "def averaged(g, m, lr):\n    m = (1 - 0.9) * g + m * 0.9\n    return m * lr, m\n"


@pytest.fixture
def rules(tmp_path: Path) -> dict[str, str]:
    texts = {
        "half": HALF,
        "averaged": MOMENTUM,
        "interp": MOMENTUM.replace("(1 - 0.9) * g + m * 0.9", "interp(g, m, 0.9)"),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return {name: str(tmp_path / name) for name in texts}


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


def test_same_by_rewrites(rules: dict[str, str]) -> None:
    text = printed("same", rules["averaged"], rules["interp"])
    assert text.startswith("same: ")
    assert "interp(x, y, a) = (1 - a) * x + a * y" in text
    assert document("same", rules["averaged"], rules["interp"])["sameness"]["verdict"] == "structure"


def test_same_but_for_a_factor(rules: dict[str, str]) -> None:
    assert "0.5 times" in printed("same", "sgd", rules["half"])
    assert document("same", "sgd", rules["half"])["sameness"]["factor"] == pytest.approx(0.5)


def test_different_with_the_probe_that_tells_them_apart() -> None:
    text = printed("same", "adamw", "adam")
    assert text.startswith("different: ")
    for line in ("probe", "parameter", "update", "difference"):
        assert f"\n  {line}" in text
    found = document("same", "adamw", "adam")
    assert found["sameness"]["difference"]["left"] != found["sameness"]["difference"]["right"]
    assert found["relative_difference"] > 0


def test_what_is_not_known_to_be_the_same_is_not_called_different(tmp_path: Path) -> None:
    (tmp_path / "clipped").write_text("def a(g, lr):\n    return clip_by_global_norm(g, 1e9) * lr\n")
    assert printed("same", "sgd", str(tmp_path / "clipped")).startswith("not known to be the same: ")


def test_diff_marks_the_lines_that_differ() -> None:
    rows = document("diff", "adamw", "adam")["rows"]
    assert {"left": "    m = interp(g, m, beta1)", "right": "    m = interp(g, m, beta1)", "differs": False} in rows
    assert any(row["differs"] for row in rows)
    assert "adam" in printed("diff", "adamw", "adam")


def test_diff_of_a_rule_with_itself(rules: dict[str, str]) -> None:
    assert "The same text, without" in printed("diff", rules["half"], rules["half"])
    assert "The same text." in printed("diff", rules["half"], rules["half"], "--raw")
    assert "exp" not in printed("diff", rules["half"], rules["half"])
    assert "exp" in printed("diff", rules["half"], rules["half"], "--raw")


def test_every_line_of_both_texts_is_shown_once_and_in_order() -> None:
    rows = aligned("a\nb\nc", "b\nx\ny\nc\nd")
    assert [row.left for row in rows if row.left is not None] == ["a", "b", "c"]
    assert [row.right for row in rows if row.right is not None] == ["b", "x", "y", "c", "d"]
    assert [(row.left, row.right) for row in rows if not row.differs] == [("b", "b"), ("c", "c")]
