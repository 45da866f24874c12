from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from evaluators.sandbox import namespaces
from evaluators.sandbox.levels import Level
from evaluators.sandbox.survey import Survey, survey

SURVEY = "import json; from evaluators.sandbox.survey import survey; print(json.dumps(survey().to_dict()))"

WITHOUT = """
from evaluators.sandbox import privileges, seccomp
privileges.no_new_privileges()
seccomp._install(seccomp._refusals({calls}))
"""
"""Stands for a kernel that lacks some calls, or refuses them."""


def surveyed(*without: str, command: tuple[str, ...] = ()) -> dict[str, Any]:
    """What a survey finds in a process that lacks some system calls."""
    code = (WITHOUT.format(calls=list(without)) if without else "") + SURVEY
    done = subprocess.run([*command, sys.executable, "-c", code], capture_output=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def layer(found: dict[str, Any], name: str) -> dict[str, Any]:
    """The layer of that name."""
    layers: dict[str, dict[str, Any]] = {layer["name"]: layer for layer in found["layers"]}
    return layers[name]


@pytest.fixture(scope="module")
def machine() -> Survey:
    return survey()


def test_the_level_is_the_highest_whose_worker_ran(machine: Survey) -> None:
    workers = {"limits": 1, "confined worker": 2, "namespaced worker": 3}
    assert machine.level == max(workers[row.name] for row in machine.layers if row.name in workers and row.works)


def test_why_not_is_said_of_higher_levels_only(machine: Survey) -> None:
    assert [bool(machine.why_not(level)) for level in Level] == [level > machine.level for level in Level]


def test_there_is_advice_until_there_is_nothing_left_to_raise(machine: Survey) -> None:
    assert (machine.advice is None) == (machine.level == Level.NAMESPACES)


def test_a_survey_is_json_and_every_failure_has_its_reason(machine: Survey) -> None:
    found = json.loads(json.dumps(machine.to_dict()))
    assert found["level"] == machine.level
    assert [row["name"] for row in found["layers"] if not row["works"] and not row["detail"]] == []


def test_without_landlock_a_worker_is_confined_in_namespaces_only(machine: Survey) -> None:
    found = surveyed("landlock_create_ruleset")
    assert found["level"] == (Level.NAMESPACES if machine.level == Level.NAMESPACES else Level.LIMITS)
    assert not layer(found, "landlock")["works"]
    assert "no Landlock" in layer(found, "confined worker")["detail"]


def test_without_namespaces_a_worker_is_confined(machine: Survey) -> None:
    found = surveyed("unshare", "mount")
    assert found["level"] == min(machine.level, Level.CONFINED)
    assert layer(found, "namespaced worker")["detail"]
    assert found["advice"]


def test_where_user_namespaces_are_forbidden_a_worker_is_confined(machine: Survey) -> None:
    if machine.level < Level.NAMESPACES:
        pytest.skip(machine.why_not(Level.NAMESPACES))
    outside = (
        namespaces.working(),
        "--unshare-user",
        "--disable-userns",
        "--cap-drop",
        "ALL",
        "--dev-bind",
        "/",
        "/",
        "--",
    )
    found = surveyed(command=outside)
    assert found["level"] == Level.CONFINED
    assert layer(found, "namespaced worker")["available"]
    assert layer(found, "namespaced worker")["detail"]


def test_without_either_there_are_limits(machine: Survey) -> None:
    found = surveyed("landlock_create_ruleset", "unshare", "mount")
    assert found["level"] == min(machine.level, Level.LIMITS)
