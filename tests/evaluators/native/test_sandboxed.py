"""The library is there in a sandbox of every level, where nothing can be compiled and the user's folders are hidden."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluators.job import Job, Race
from evaluators.sandbox.launch import Launch, launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.supervisor import Sandbox
from sandboxes import CHILDREN


class Native(Sandbox):
    """A sandbox whose workers run one step of a rule: see `native_zygote`."""

    def _launch(self) -> Launch:
        arguments = (str(int(self.level)), self._limits.encode(), "cpu")
        folder = Path(__file__).parents[2] / "support"
        return launch(self.level, "native_zygote", self._limits, arguments=arguments, sources=[folder])


@pytest.mark.parametrize("level", CHILDREN)
def test_a_confined_worker_runs_rules_natively(level: Level, rules: dict[str, str]) -> None:
    job = Job(programs=(rules["sgd"],), task="digits_mlp", race=Race(learning_rates=(0.1,)), device="cpu")
    try:
        with Native(level) as box:
            (result,) = box.evaluate(job).results
    except SandboxError as error:
        pytest.skip(str(error))
    assert "weights [0.5, 0.5, 0.5]" in result.detail
