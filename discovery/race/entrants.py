"""Who takes part in a race: configurations that differ in how they search, and in nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from discovery.config import Config, load
from discovery.runs import Run, create, give_budget, names, open_run

CONTROLS = ("random", "constants")
"""The strategies that every search has to beat: random programs, and tuning of constants alone."""

_SAME = ("start", "archive", "evaluation", "fitness", "report")
_FREE = ("budget", "executor")


@dataclass(frozen=True, slots=True)
class Budget:
    """What every run of a race may spend: so many `evaluations`, or so many `minutes` of searching."""

    unit: Literal["evaluations", "minutes"]
    amount: float

    def __str__(self) -> str:
        return f"{self.amount:g} {self.unit}"


class RaceError(ValueError):
    """Configurations or runs that cannot be compared; the message says which and why."""


def entrants(paths: Sequence[Path], budget: Budget, overrides: Sequence[str] = ()) -> list[Config]:
    """The configurations, each with this budget and no other; controls are added where they are missing.

    Raises:
        ConfigError: A file or an override is wrong.
        RaceError: Two have one name, or differ in what they measure.
    """
    configs = [load(path, [*overrides, f"budget={{{budget.unit}: {budget.amount:g}}}"]) for path in paths]
    first = configs[0]
    kinds = {config.strategy.kind for config in configs}
    configs += [_changed(first, name=kind, strategy={"kind": kind}) for kind in CONTROLS if kind not in kinds]
    for index, config in enumerate(configs):
        if config.name in [other.name for other in configs[:index]]:
            raise RaceError(f"Two entrants are called {config.name!r}; give one of them another name.")
        differing = [key for key in _SAME if getattr(config, key) != getattr(first, key)]
        if differing:
            raise RaceError(
                f"{config.name} and {first.name} differ in {' and '.join(differing)}, so their scores cannot be "
                "compared. Make those equal in both files, or with --set, which changes every entrant."
            )
    return configs


def enter(config: Config, seed: int, folder: Path) -> Run:
    """The run of an entrant with one seed: made in `folder`, or opened where it was left, with a larger budget now.

    Raises:
        RaceError: There is a run of this name with another configuration, or one that went further.
    """
    wanted = _changed(config, name=f"{config.name}-{seed}", seed=seed)
    run = open_run(wanted.name, folder) if wanted.name in names(folder) else create(wanted, folder)
    run.store.database.close()  # until it is its turn: hundreds of open files would be too many
    keys = [key for key in Config.model_fields if key not in _FREE and getattr(run.config, key) != getattr(wanted, key)]
    if keys:
        raise RaceError(
            f"{run.folder} holds a run with another {' and '.join(keys)}. Race in another folder (--out), or remove it."
        )
    for unit, had in run.config.budget.model_dump().items():
        now = getattr(wanted.budget, unit)
        if (had is None) != (now is None):
            raise RaceError(f"{run.folder} was raced with another kind of budget. Race in another folder (--out).")
        if had is not None and had > now:
            raise RaceError(
                f"{run.folder} has had {had:g} {unit}. Race to at least as many, or in another folder (--out)."
            )
    if run.config.budget != wanted.budget:
        run = give_budget(run, wanted.budget)
    return run


def _changed(config: Config, **changes: object) -> Config:
    return Config.model_validate(config.dump() | changes)
