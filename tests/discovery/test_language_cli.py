"""`discover zoo` and `discover ops`, and the page that is made of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from discovery.cli import app
from programs import zoo
from programs.errors import RuleError
from programs.ops import OPS
from programs.parse import parse
from programs.table import rows

PAGE = (Path(__file__).parents[2] / "docs" / "language.md").read_text(encoding="utf-8")


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def document(*arguments: str) -> Any:
    return json.loads(printed(*arguments, "--json"))


@pytest.mark.parametrize("command", ["discover ops --markdown", "discover zoo --markdown"])
def test_the_page_of_the_language_holds_the_tables_as_they_are_now(command: str) -> None:
    match = re.search(rf"<!-- {command} -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert match is not None
    assert match[1].strip() == printed(*command.split()[1:]).strip(), f"paste the output of `{command}` into the page"


def test_the_rule_that_the_page_walks_through_is_one() -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert parse(text).states == ("m",)


def test_the_error_on_the_page_is_the_one_that_is_given() -> None:
    (text,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    quoted = re.search(r"error: line (\d+): e2.rule: (.*)", PAGE)
    assert quoted is not None
    with pytest.raises(RuleError) as caught:
        parse(text.replace("rms(w)", "row_mean(w) + column_mean(matmul(w, w))"))
    assert (str(caught.value.line), caught.value.message) == quoted.groups()


def test_ops_lists_every_operation_once_with_its_kinds_and_costs() -> None:
    listed = document("ops")["operations"]
    assert sorted(row["name"] for row in listed) == sorted(OPS)
    assert [row["name"] for row in listed] == [row.name for row in rows()]
    by_name = {row["name"]: row for row in listed}
    assert by_name["mul"] | {"flops": 1, "traffic": 3, "algebra": "commutative", "infix": "*"} == by_name["mul"]
    assert by_name["matmul"]["side_flops"] > 0
    assert all(row["doc"] and row["takes"] and row["gives"] and row["arity"] for row in listed)
    plain = printed("ops")
    assert all(name in plain for name in ("orthogonalize", "row_mean", "cosine_sim", "Matrices"))


def test_zoo_lists_every_rule_with_source_states_and_cost() -> None:
    listed = {rule["name"]: rule for rule in document("zoo")["rules"]}
    assert listed.keys() == set(zoo.names())
    assert all(rule["summary"] and rule["source"] for rule in listed.values())
    assert listed["adafactor"]["states"] == {"row": "per-row", "column": "per-column"}
    assert listed["sophia"]["cost"]["gradients"] == 3
    assert listed["adamw"]["hyperparameters"]["weight_decay"] == 0.01
    assert "arXiv 1711.05101" in re.sub(r"\s+", " ", printed("zoo", "adamw"))


def test_zoo_check_compares_and_says_with_what() -> None:
    checked = document("zoo", "sgd", "lars", "--check")
    assert {(row["rule"], row["reference"], row["verdict"]) for row in checked["comparisons"]} >= {
        ("sgd", "torch.optim.SGD", "agrees"),
        ("lars", "pytorch_optimizer.LARS", "explained"),
        ("lars", "formula", "agrees"),
    }
    assert checked["verdicts"]["differs"] == 0
    assert all(row["version"] and row["steps"] == checked["steps"] for row in checked["comparisons"])
    text = printed("zoo", "sgd", "--check")
    assert "torch.optim.SGD" in text
    assert "differs 0" in text


def test_an_unknown_rule_is_wrong_use() -> None:
    result = CliRunner().invoke(app, ["zoo", "adm"])
    assert result.exit_code != 0
    assert "adm" in str(result.exception)
