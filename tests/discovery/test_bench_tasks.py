from __future__ import annotations

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr
from typer.testing import CliRunner

from discovery.bench.resumable import collect
from discovery.bench.tasks import bench, recorded
from discovery.bench.tasks_runs import FIRST_FRESH, QUICK, RULES, Plan, Record, Work, measure, settings
from discovery.bench.tasks_statistics import d_prime, noise, rank_correlation, spread
from discovery.cli import app
from discovery.record_file import RecordsError
from evaluators import tasks
from evaluators.tasks.measured import Measurements, measured
from evaluators.tasks.naming import Tier
from programs.parse import parse

SHORT = "digits_mlp@horizon=0.1"
PLAN = Plan(grid=False, learning_rates=(1e-3, 1e-2), finalists=1, refined=1, tuning=(0,), fresh=2)


def test_noise_is_pooled_over_the_rules_and_differences_are_told_in_it() -> None:
    losses = {"a": [1.0, 1.2], "b": [2.0, 2.4], "c": []}
    assert noise(losses) == pytest.approx(math.sqrt((0.02 + 0.08) / 2))
    assert d_prime(losses, "a", "b") == pytest.approx(1.1 / math.sqrt(0.05))
    assert d_prime(losses, "b", "a") == -d_prime(losses, "a", "b")
    assert math.isnan(d_prime(losses, "a", "c"))
    assert spread(losses) == pytest.approx(1.1 / math.sqrt(2) / math.sqrt(0.05))


def test_rank_correlation_is_scipys_and_its_interval_holds_it() -> None:
    rng = np.random.default_rng(0)
    one = {str(rule): (rule + rng.normal(0, 0.8, 4)).tolist() for rule in range(7)}
    other = {str(rule): (rule**2 + rng.normal(0, 4.0, 4)).tolist() for rule in range(7)}
    found = rank_correlation(one, other, np.random.default_rng(1))
    means = [[float(np.mean(own)) for own in losses.values()] for losses in (one, other)]
    assert found.value == pytest.approx(spearmanr(*means).statistic)
    assert -1 <= found.low < found.value <= found.high <= 1


def test_tasks_that_order_rules_in_opposite_ways_are_told_and_a_failure_is_the_worst() -> None:
    rng = np.random.default_rng(0)
    one = {"a": [1.0, 1.1], "b": [2.0, 2.1], "c": [3.0, 3.1], "d": [4.0, 4.1]}
    other = {"a": [], "b": [3.0, 3.1], "c": [2.0, 2.1], "d": [1.0, 1.1]}
    assert rank_correlation(one, other, rng).value == -1
    assert rank_correlation(one, one, rng).low == 1


def test_a_rule_is_tried_in_every_setting_of_its_grid() -> None:
    found = settings("lion", Plan())
    assert len(found) == 12
    assert "beta1 0.7, beta2 0.8" in found
    assert "beta1=0.7, beta2=0.8" in found["beta1 0.7, beta2 0.8"]
    for rule in RULES:
        texts = settings(rule, Plan()).values()
        assert len(set(texts)) == len(texts) >= 3
        assert all(parse(text) for text in texts)
        assert list(settings(rule, QUICK)) == ["as published"]


def test_a_rule_is_tuned_and_then_trained_on_seeds_that_tuning_never_saw() -> None:
    record = measure(Work(SHORT, "adamw", PLAN))
    assert record.version == tasks.get(SHORT).version
    assert [tried.setting for tried in record.tried] == ["as published"]
    assert record.learning_rate is not None
    assert 5e-3 < record.learning_rate < 2e-2
    assert len(record.losses) == 2
    assert max(record.losses) < math.log(10)
    assert max(PLAN.tuning) < FIRST_FRESH
    assert record.seconds > 0


def test_what_was_measured_is_kept_and_the_rest_is_measured(tmp_path: Path) -> None:
    file, told = tmp_path / "runs" / "tasks.jsonl", list[str]()
    report = bench([SHORT], [SHORT], ("adamw", "momentum"), PLAN, file, 1, told.append)
    assert told[0] == "0 of 2 measured"
    assert told[-1] == "2 of 2 measured, about 0 min to go"
    (separation,) = report.separations
    assert set(separation.d_prime) == {"momentum"}
    assert {each.rule for each in separation.standings} == {"adamw", "momentum"}
    assert separation.standings[0].mean < separation.standings[1].mean
    assert report.agreements[0].correlation.value == 1
    found = recorded(report, "here")
    assert Measurements.model_validate_json(found.model_dump_json()) == found
    assert found.tasks[SHORT].best == separation.best == separation.standings[0].rule

    whole = file.read_text(encoding="utf-8")
    file.write_text(whole + whole[:50], encoding="utf-8")
    told.clear()
    assert bench([SHORT], [SHORT], ("adamw", "momentum"), PLAN, file, 1, told.append) == report
    assert told == ["2 of 2 measured"]
    assert file.read_text(encoding="utf-8") == whole


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"run": 1}\n', encoding="utf-8")
    with pytest.raises(RecordsError, match=r"other\.jsonl holds no such records"):
        collect(measure, {}, Record, file, 1, print)
    assert file.read_text(encoding="utf-8") == '{"run": 1}\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--tasks", "digits"], "Unknown task 'digits'"),
        (["--tasks", tasks.names(Tier.TEST)[0]], "test tier"),
        (["--rules", "lionn"], "Did you mean lion?"),
    ],
)
def test_a_wrong_name_is_named(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["bench", "tasks", *arguments], terminal_width=200)
    assert result.exit_code == 2
    assert said in result.output


def test_tasks_are_listed_with_what_was_measured_of_them() -> None:
    result = CliRunner().invoke(app, ["tasks", "--tier", "search", "--json"])
    found = json.loads(result.stdout)
    assert [row["name"] for row in found["tasks"]] == list(tasks.names(Tier.SEARCH))
    text = next(row for row in found["tasks"] if row["name"] == "text_ngram")
    assert (text["parameters"], text["steps"], text["batch"]) == (11168, 500, 64)
    assert text["version"] == tasks.get("text_ngram").version
    assert found["measured"]["date"] == measured().date
    table = CliRunner().invoke(app, ["tasks"])
    assert table.exit_code == 0
    assert all(name in table.stdout for name in tasks.names())


def test_the_tables_of_the_docs_are_printed_from_what_was_measured(tmp_path: Path) -> None:
    """Of a file that holds everything already, so that nothing is trained."""
    file = tmp_path / "tasks.jsonl"
    plan = Plan(fresh=2)
    with file.open("w", encoding="utf-8") as out:
        for task, rule in itertools.product([SHORT, "text_gru_long"], ("adamw", "momentum")):
            record = Record(
                task=task,
                version=tasks.get(task).version,
                rule=rule,
                tried=(),
                setting="as published",
                learning_rate=0.01,
                losses=(1.0, 1.1) if rule == "adamw" else (2.0, 2.1),
                engine=None,
                run_steps=60,
                seconds=0.6,
            )
            out.write(json.dumps({"key": Work(task, rule, plan).key, "record": record.model_dump()}) + "\n")
    arguments = ["--tasks", SHORT, "--tasks", "text_gru_long", "--rules", "adamw", "--seeds", "2", "--out", str(file)]
    result = CliRunner().invoke(app, ["bench", "tasks", "--markdown", *arguments])
    assert result.exit_code == 0
    assert f"| {SHORT} | 0.3 | +14.1 | 10.0 | adamw | fitness |" in result.stdout
    assert "| search | text_gru_long |" in result.stdout
    assert f"| {SHORT} | +1.00 [+1.0, +1.0] |" in result.stdout
