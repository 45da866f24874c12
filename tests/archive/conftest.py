"""A place for a store, and small records to fill it with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from archive.records import Candidate, Evaluation, OpenJob, Purpose, RunInfo, Verdict
from archive.store import RunStore, Store
from evaluators.job import Job, Outcome, Result


class New:
    """Makes records whose details do not matter to a test."""

    def run_info(self, name: str) -> RunInfo:
        return RunInfo(name, {"seed": 0, "budget": {"minutes": 3.5}}, datetime(2026, 1, 2, tzinfo=UTC), {"python": "3"})

    def candidate(self, number: int, *parents: int, emitter: str = "symbolic") -> Candidate:
        source = f"def rule(w, g, lr):\n    return g * {number}.0 * lr\n"
        return Candidate(number, f"rule{number}", source, emitter, "é → 学", parents, f"s{number}", f"b{number}")

    def job(self, number: int, *candidates: int, purpose: Purpose = Purpose.SEARCH) -> OpenJob:
        programs = tuple(self.candidate(candidate).source for candidate in candidates)
        return OpenJob(number, purpose, candidates, Job(programs=programs, task="digits_mlp", seeds=(0, 1)))

    def evaluation(
        self, job: int, candidate: int, *, purpose: Purpose = Purpose.SEARCH, loss: float | None = 0.1
    ) -> Evaluation:
        result = Result(outcome=Outcome.DIVERGED, detail="all lanes died", seconds=0.25)
        if loss is not None:
            result = Result(
                outcome=Outcome.SCORED,
                learning_rate=0.003,
                losses=(loss, loss / 3),
                train_losses=(loss, loss),
                curve=((10, 2.0), (200, loss)),
                scouted=((0.001, 1.5), (0.003, 1 / 3), (0.01, None)),
                run_steps=2400,
                seconds=0.5,
            )
        return Evaluation(job, candidate, purpose, "digits_mlp", "1:abc", (0, 1), "cpu", 3, 2.302585092994046, result)

    def verdict(self, candidate: int, score: float | None = 1.0) -> Verdict:
        measures = {
            "state_slots": candidate % 4,
            "instructions": 7,
            "gradient_homogeneity": 1 / 3,
            "matrix_products": 0,
        }
        return Verdict(candidate, Outcome.SCORED if score is not None else Outcome.DIVERGED, score, measures)


@pytest.fixture
def new() -> New:
    return New()


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    """Where nothing lives yet; the one place to add another database."""
    return f"sqlite:///{tmp_path / 'run.db'}"


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    with Store.create(store_url) as store:
        yield store


@pytest.fixture
def run(store: Store, new: New) -> RunStore:
    return store.add_run(new.run_info("first"))
