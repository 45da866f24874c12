"""What a run is told: every key of the configuration file, with its type, its default and its limits.

`config_file` reads a file with the places of its keys, `config_types` has the types of single values, `config_errors`
words the mistakes; none of them knows a key by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from archive.grid import AXES
from discovery.config_errors import explain
from discovery.config_file import ConfigError, read
from discovery.config_types import AxisName, LearningRates, Name, Some, TaskName, Url, Weight
from evaluators import tasks
from evaluators.job import Race

__all__ = [
    "ArchiveConfig",
    "BudgetConfig",
    "Config",
    "ConfigError",
    "EmittersConfig",
    "EvaluationConfig",
    "ExecutorConfig",
    "RandomConfig",
    "ReportConfig",
    "SymbolicConfig",
    "load",
]

_RACE = Race()
_MOST_SEEDS = 1_000


def load(path: str | Path, overrides: Sequence[str] = ()) -> Config:
    """Read a configuration file.

    Args:
        path: A YAML file.
        overrides: `key.path=value` each, with the value as YAML; the last one wins.

    Raises:
        ConfigError: The file cannot be read, or it or the overrides are wrong; lists every mistake with its place.
    """
    document = read(Path(path))
    for text in overrides:
        document.override(text)
    try:
        config = Config.model_validate(document.data)
    except ValidationError as error:
        raise ConfigError([*document.problems, *explain(error, document, Config)]) from None
    if document.problems:
        raise ConfigError(document.problems)
    return config


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class BudgetConfig(_Section):
    """When a run stops looking for new candidates: whichever limit is reached first.

    Attributes:
        evaluations: Candidates measured.
        minutes: Time spent searching, interruptions left out.
    """

    evaluations: PositiveInt | None = None
    minutes: PositiveFloat | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.evaluations is None and self.minutes is None:
            raise ValueError("expected evaluations, minutes or both: a run without a limit never ends")
        return self


class ArchiveConfig(_Section):
    """Where results are kept, and by what kinds of rules.

    Attributes:
        url: A database; null for SQLite in the folder of the run.
        axes: The measures that span the grid.
    """

    url: Url | None = None
    axes: Annotated[Some[AxisName], Field(min_length=1)] = tuple(AXES)


class EvaluationConfig(_Section):
    """How a rule is measured; candidate and baseline alike.

    Attributes:
        tasks: What it trains, cheapest first: a rule that fails one task is not trained on the next.
        seeds: Trainings per task in the search.
        fresh_seeds: Trainings per task in the last measurement, with seeds that the search never saw.
        learning_rates: What every rule tries; `auto` for half decades from 1e-4 to 3.
        scout_fraction: Share of the steps that every learning rate is first given.
        finalists: The number of learning rates that are then trained in full.
        batch: Programs trained together in one job.
        device: `auto` for a GPU where there is one.
        sandbox: The level of isolation, from 0 (none) to 3; `auto` for the highest that works where a worker runs. A
            number is a demand: where it cannot be had, nothing runs.
        time_limit: Seconds for one job.
    """

    tasks: Annotated[Some[TaskName], Field(min_length=1)] = tasks.names()
    seeds: Annotated[int, Field(ge=1, le=_MOST_SEEDS)] = 2
    fresh_seeds: Annotated[int, Field(ge=2, le=_MOST_SEEDS)] = 8
    learning_rates: Literal["auto"] | LearningRates = "auto"
    scout_fraction: Annotated[float, Field(gt=0, le=1)] = _RACE.scout_fraction
    finalists: PositiveInt = _RACE.finalists
    batch: PositiveInt = 8
    device: Literal["auto", "cpu", "cuda"] = "auto"
    sandbox: Literal["auto"] | Annotated[int, Field(ge=0, le=3)] = "auto"
    time_limit: PositiveFloat = 600.0

    @model_validator(mode="after")
    def _enough_learning_rates(self) -> Self:
        rates = _RACE.learning_rates if self.learning_rates == "auto" else self.learning_rates
        if self.finalists > len(rates):
            raise ValueError(f"finalists is {self.finalists}, but there are only {len(rates)} learning_rates")
        return self


class ExecutorConfig(_Section):
    """Who trains.

    Attributes:
        kind: `ray` for a pool of processes; `inprocess` for one job at a time, the same bit for bit every time.
        workers: Processes of the pool; `auto` for one per core.
        address: A Ray cluster to join; null to start one on this machine.
    """

    kind: Literal["ray", "inprocess"] = "ray"
    workers: Literal["auto"] | PositiveInt = "auto"
    address: str | None = None

    @model_validator(mode="after")
    def _one_process_is_alone(self) -> Self:
        if self.kind == "inprocess" and (self.workers not in ("auto", 1) or self.address is not None):
            raise ValueError("inprocess runs one job at a time here; workers and address belong to kind: ray")
        return self


class SymbolicConfig(_Section):
    """Edits of elites.

    Attributes:
        weight: Share of the proposals, relative to the other emitters.
        edits: At most this many edits for one child.
        tournament: A parent is the best of this many elites, each of a random cell; 1 is plain MAP-Elites.
    """

    weight: Weight = 1.0
    edits: PositiveInt = 2
    tournament: PositiveInt = 3


class RandomConfig(_Section):
    """Programs from nowhere.

    Attributes:
        weight: Share of the proposals, relative to the other emitters.
        size: At most this many instructions.
    """

    weight: Weight = 0.1
    size: Annotated[int, Field(ge=2)] = 12


class EmittersConfig(_Section):
    """Where proposals come from, and in what shares."""

    symbolic: SymbolicConfig = SymbolicConfig()
    random: RandomConfig = RandomConfig()

    @model_validator(mode="after")
    def _somebody_proposes(self) -> Self:
        if self.symbolic.weight == 0 and self.random.weight == 0:
            raise ValueError("expected at least one weight above 0: nobody would propose anything")
        return self


class ReportConfig(_Section):
    """What is measured again at the end.

    Attributes:
        elites: How many of the best.
        baselines: Rules that they are compared with, searched for a learning rate like everybody else.
    """

    elites: PositiveInt = 3
    baselines: Some[str] = ("adamw", "lion", "sgd")


class Config(_Section):
    """A whole configuration, checked and frozen.

    Attributes:
        name: What the run is called, and its folder.
        seed: Decides the run.
        start: Zoo names or rule files that the search sets out from.
        budget: When it stops.
        archive: What it keeps.
        evaluation: How it measures.
        executor: Who does the work.
        emitters: Who proposes.
        report: What it ends with.
    """

    name: Name
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    start: Annotated[Some[str], Field(min_length=1)] = ("adamw",)
    budget: BudgetConfig
    archive: ArchiveConfig = ArchiveConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    executor: ExecutorConfig = ExecutorConfig()
    emitters: EmittersConfig = EmittersConfig()
    report: ReportConfig = ReportConfig()

    def dump(self) -> dict[str, Any]:
        """Plain data with every key, defaults included; written with `plain_yaml.dump` it loads back equal."""
        return self.model_dump(mode="json")
