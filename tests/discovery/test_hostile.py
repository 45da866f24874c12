import itertools
import json

import pytest
from typer.testing import CliRunner

from discovery.bench.hostile import fault_of, judge
from discovery.bench.hostile_text import FAMILIES, legal, stream
from discovery.cli.bench import app
from programs.errors import RuleError

TEXT = "def f(g):\n    return x\n"


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (RuleError("Wrong.", line=2, column=11, source_line="    return x", hint="Mend it."), ""),
        (RuleError("Wrong.", hint="Mend it."), "line 0 is not in the text"),
        (RuleError("Wrong.", line=4, hint="Mend it."), "line 4 is not in the text"),
        (RuleError("Wrong.", line=2, column=13, source_line="    return x", hint="Mend it."), "column 13"),
        (RuleError("Wrong.", line=2, column=11, source_line="    return x"), "no hint"),
        (RuleError("Wrong." * 1000, line=2, column=11, source_line="    return x", hint="Mend it."), "a message of 6"),
        (RuleError("Wrong \x1b[2J.", line=2, column=11, source_line="    return x", hint="Mend it."), "obey"),
    ],
)
def test_an_error_that_blames_a_text_badly_is_a_fault(error: RuleError, fault: str) -> None:
    found = fault_of(error, TEXT)
    assert fault in found
    assert bool(fault) == bool(found)


def test_a_rule_is_no_fault_and_is_counted_as_a_rule() -> None:
    assert [judge(text)[:2] for text in legal()] == [("", True)] * len(legal())


def test_all_families_take_part_and_a_seed_gives_the_same_texts_again() -> None:
    first, again, other = (list(itertools.islice(stream(seed), 300)) for seed in (0, 0, 1))
    assert first == again
    assert first != other
    assert {family for family, _ in first} == set(FAMILIES)


def test_the_command_reports_what_became_of_every_text() -> None:
    result = CliRunner().invoke(app, ["hostile", "--inputs", "300", "--json"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["texts"] == report["refused"] + report["rules"] == 300
    assert report["faults"] == 0
    assert sum(family["texts"] for family in report["families"].values()) == 300
    assert min(report["texts_per_s"], report["slowest_ms"], report["peak_kib"]) > 0
