"""Shared by the tests of a race: runs that are through, without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.config import Config
from discovery.loop import drive, prepare
from discovery.runs import Run, create
from free_executor import FreeExecutor, Silent


@pytest.fixture
def finished_run(tmp_path: Path) -> Callable[..., Run]:
    def make(name: str = "test", evaluations: int = 40, **changes: Any) -> Run:
        data = {"name": name, "budget": {"evaluations": evaluations}, "executor": {"kind": "inprocess"}}
        run = create(Config.model_validate(data | changes), tmp_path / "runs")
        drive(prepare(run), FreeExecutor(), Silent())
        return run

    return make
