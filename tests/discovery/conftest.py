"""Shared by the tests of the search: small configurations and runs in a folder of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from discovery.config import Config
from discovery.runs import Run, create


@pytest.fixture
def make_config() -> Callable[..., Config]:
    def make(**changes: Any) -> Config:
        data: dict[str, Any] = {
            "name": "test",
            "budget": {"evaluations": 40},
            "evaluation": {"batch": 4},
            "executor": {"kind": "inprocess"},
        }
        return Config.model_validate(data | changes)

    return make


@pytest.fixture
def make_run(make_config: Callable[..., Config], tmp_path: Path) -> Callable[..., Run]:
    def make(folder: str = "runs", **changes: Any) -> Run:
        return create(make_config(**changes), tmp_path / folder)

    return make
