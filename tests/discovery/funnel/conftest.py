"""Shared by the tests of the funnel: a laboratory that trains in this process, and a task without dead inputs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

import dense_digits
from discovery.executors import Executor
from discovery.executors.inprocess import InProcess
from discovery.funnel.lab import Lab
from discovery.funnel.ledger import Ledger, Written
from discovery.funnel.settings import Trainer
from evaluators import tasks
from evaluators.job import Race
from evaluators.tasks.naming import Tier
from quiet import Quiet


@pytest.fixture
def quiet() -> Quiet:
    return Quiet()


@pytest.fixture
def make_lab(quiet: Quiet, tmp_path: Path) -> Callable[..., Lab]:
    number = count()

    def make(executor: Executor | None = None, ledger: Ledger | None = None) -> Lab:
        own = Written(tmp_path / f"ledger{next(number)}.jsonl")
        return Lab(executor or InProcess(0, "cpu"), ledger or own, quiet)

    return make


@pytest.fixture
def trainer() -> Callable[..., Trainer]:
    def make(budget: float = 0.1, seed: int = 0) -> Trainer:
        return Trainer(Race(), "cpu", 600.0, seed, budget)

    return make


@pytest.fixture
def dense() -> Iterator[str]:
    """The name of the task, for as long as a test runs."""
    module = f"evaluators.tasks.{dense_digits.NAME}"
    sys.modules[module] = dense_digits
    tasks.REGISTRY[dense_digits.NAME] = (Tier.SEARCH, dense_digits.NAME)
    yield dense_digits.NAME
    del tasks.REGISTRY[dense_digits.NAME], sys.modules[module]
