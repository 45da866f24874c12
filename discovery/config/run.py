"""A whole configuration, and the reading of one from a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from archive.grid import DEFAULT_AXES
from discovery.config.emitters import EmittersConfig
from discovery.config.errors import explain
from discovery.config.evaluation import EvaluationConfig
from discovery.config.execution import ExecutorConfig
from discovery.config.file import ConfigError, read
from discovery.config.fitness import FitnessConfig
from discovery.config.noise import NoiseConfig
from discovery.config.section import Section
from discovery.config.store import StoreConfig
from discovery.config.strategy import StrategyConfig
from discovery.config.types import AxisName, Name, Some, Url


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


class BudgetConfig(Section):
    """When a run stops looking for new candidates: whichever limit is reached first.

    Attributes:
        evaluations: Candidates measured.
        minutes: Time spent searching, interruptions left out.
        device_seconds: Time that evaluators spent, summed over everything measured.
    """

    evaluations: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    device_seconds: PositiveFloat | None = None

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.evaluations is None and self.minutes is None and self.device_seconds is None:
            raise ValueError("expected evaluations, minutes or device_seconds: a run without a limit never ends")
        return self


class ArchiveConfig(Section):
    """Where results are kept, and by what kinds of rules.

    Attributes:
        url: A database; null for SQLite in the folder of the run.
        axes: The measures that span the grid.
    """

    url: Url | None = None
    axes: Annotated[Some[AxisName], Field(min_length=1)] = tuple(axis.name for axis in DEFAULT_AXES)


class ReportConfig(Section):
    """What is measured again at the end.

    Attributes:
        elites: How many of the best.
        baselines: Rules that they are compared with, searched for a learning rate like everybody else.
        tune_baselines: In how many other settings each of them is measured, AdamW included, so that the best counts:
            `grid` for all of the table in `discovery/baselines.py`, `off` for none, `auto` for all but in runs of less
            than 1,000 evaluations or ten minutes, which get a short list.
    """

    elites: PositiveInt = 3
    baselines: Some[str] = ("adamw", "lion", "sgd")
    tune_baselines: Literal["auto", "off", "grid"] = "auto"


class Config(Section):
    """A whole configuration, checked and frozen.

    Attributes:
        name: What the run is called, and its folder.
        seed: Decides the run.
        start: Zoo names or rule files that the search sets out from.
        budget: When it stops.
        archive: What it keeps.
        store: What it puts up with from its database.
        evaluation: How it measures.
        fitness: What it makes of several tasks.
        noise: What it repeats with fresh seeds.
        executor: Who does the work.
        strategy: Whose children are tried.
        emitters: Who makes them.
        report: What it ends with.
    """

    name: Name
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    start: Annotated[Some[str], Field(min_length=1)] = ("adamw",)
    budget: BudgetConfig
    archive: ArchiveConfig = ArchiveConfig()
    store: StoreConfig = StoreConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    fitness: FitnessConfig = FitnessConfig()
    noise: NoiseConfig = NoiseConfig()
    executor: ExecutorConfig = ExecutorConfig()
    strategy: StrategyConfig = StrategyConfig()
    emitters: EmittersConfig = EmittersConfig()
    report: ReportConfig = ReportConfig()

    def dump(self) -> dict[str, Any]:
        """Plain data with every key, defaults included; written with `plain_yaml.dump` it loads back equal."""
        return self.model_dump(mode="json")
