"""What was measured of the tasks: cost and separation, from a file that `discover bench tasks --record` writes."""

from __future__ import annotations

from importlib import resources

from pydantic import BaseModel, ConfigDict

from evaluators.job import Engine

FILE = "measured.json"


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measured(_Row):
    """What was measured of one task.

    Attributes:
        version: Of the task; what was measured of another says little.
        seconds: Of the processor, for one full run of AdamW and its validation.
        engine: What trained it.
        separation: How far tuned AdamW lies below tuned SGD with momentum, in standard deviations over seeds.
        spread: Standard deviation of all rules' mean losses over that of the seeds.
        best: The rule with the lowest loss.
    """

    version: str
    seconds: float
    engine: Engine | None
    separation: float | None
    spread: float | None
    best: str


class Measurements(_Row):
    """What was measured of all tasks.

    Attributes:
        date: The day, as in 2026-11-28.
        command: What measured it.
        machine: The processor, and the versions of Python and torch.
        rules: Who took part.
        seeds: How many fresh ones.
        tasks: By name.
    """

    date: str
    command: str
    machine: str
    rules: tuple[str, ...]
    seeds: int
    tasks: dict[str, Measured]


def measured() -> Measurements:
    """The measurements that come with this version of the package."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return Measurements.model_validate_json(text)
