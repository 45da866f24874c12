"""What is asked of an evaluator and what it answers: frozen, and JSON both ways."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

HALF_DECADES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0)
"""Wide enough for rules whose best learning rates differ by four orders of magnitude, as those of Lion and SGD do."""

Seed = Annotated[int, Field(ge=0)]


class Outcome(StrEnum):
    """How the evaluation of one program ended. Only `SCORED` comes with losses.

    All but `SCORED` and `OUTPACED` are failures. Who is outpaced learned, but less in scouting than the hurdle asks.
    """

    SCORED = "scored"
    OUTPACED = "outpaced"
    INVALID = "invalid"
    DIVERGED = "diverged"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    CRASH = "crash"


class Engine(StrEnum):
    """What trains; `AUTO` for the fastest that can be had here."""

    AUTO = "auto"
    NATIVE = "native"
    CUDA = "cuda"
    TORCH = "torch"


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Race(_Message):
    """The learning-rate search that every program gets, candidate and baseline alike.

    Attributes:
        learning_rates: The grid, ascending: peaks of the schedule.
        scout_fraction: Share of the steps that every learning rate first runs, with its own decay, on the first seed.
            With 1 and no more learning rates than finalists, nothing is scouted.
        finalists: How many of the best learning rates then run in full, on every seed.
        hopeless: A lane whose training loss is not finite, or above this many times its initial one, at a checkpoint
            is dead.
    """

    learning_rates: Annotated[tuple[PositiveFloat, ...], Field(min_length=1)] = HALF_DECADES
    scout_fraction: float = Field(default=0.1, gt=0, le=1)
    finalists: PositiveInt = 3
    hopeless: float = Field(default=1.2, gt=1)

    @property
    def direct(self) -> bool:
        """Whether every learning rate runs in full at once, because scouting would be as long and decide nothing."""
        return self.scout_fraction == 1 and len(self.learning_rates) <= self.finalists

    @model_validator(mode="after")
    def _ascending(self) -> Race:
        if list(self.learning_rates) != sorted(set(self.learning_rates)):
            raise ValueError("learning rates are listed once each, in ascending order")
        return self


class Job(_Message):
    """Some programs to train on one task.

    Attributes:
        programs: Source texts.
        task: A name that `evaluators.tasks` knows.
        seeds: Each stands for initial weights and an order of the batches, the same for every program.
        race: The learning-rate search.
        budget: Share of the task's own number of steps to train for.
        hurdle: The highest validation loss of its best scouting run with which a program still goes on to the finals;
            null for none.
        device: `cpu`, `cuda`, `cuda:1`, ..., or `auto` for a GPU where there is one.
        engine: What trains; whatever it cannot serve is trained by torch.
        time_limit: Seconds for the whole job.
        memory_limit: Bytes that the lanes of one program may take: weights, gradients, states and intermediate values.
    """

    programs: tuple[str, ...]
    task: str
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1)] = (0, 1)
    race: Race = Race()
    budget: PositiveFloat = 1.0
    hurdle: float | None = None
    device: str = "auto"
    engine: Engine = Engine.AUTO
    time_limit: PositiveFloat = 600.0
    memory_limit: PositiveInt = 2**30

    @model_validator(mode="after")
    def _distinct_seeds(self) -> Job:
        if len(set(self.seeds)) != len(self.seeds):
            raise ValueError("seeds must differ")
        return self


class Result(_Message):
    """What came of one program.

    Attributes:
        outcome: How it ended.
        detail: Why it was not scored, for a reader; empty when it was.
        learning_rate: The best one.
        losses: Validation loss at the end of the decay, per seed, at that learning rate.
        train_losses: Mean training loss over the last steps, per seed.
        curve: Step and mean training loss over the seeds since the point before.
        scouted: Every learning rate with the validation loss of its scouting run, None when the lane died.
        run_steps: Training steps spent on it, over all lanes.
        seconds: Its share of the job's time.
        flops: Floating-point operations of those steps, about: see `evaluators.cost`.
        state_bytes: What the rule keeps from step to step in one lane, beside the weights.
        engine: What trained it; None if it never ran.
    """

    outcome: Outcome
    detail: str = ""
    learning_rate: float | None = None
    losses: tuple[float, ...] = ()
    train_losses: tuple[float, ...] = ()
    curve: tuple[tuple[int, float], ...] = ()
    scouted: tuple[tuple[float, float | None], ...] = ()
    run_steps: int = 0
    seconds: float = 0.0
    flops: float = 0.0
    state_bytes: int = 0
    engine: Engine | None = None

    @property
    def best_scout(self) -> float | None:
        """The lowest loss of its scouting runs; None if none ended."""
        return min((loss for _, loss in self.scouted if loss is not None), default=None)

    @model_validator(mode="after")
    def _failures_have_no_losses(self) -> Result:
        scored = self.outcome is Outcome.SCORED
        if scored != bool(self.losses) or scored != (self.learning_rate is not None):
            raise ValueError("losses and a learning rate come with the outcome 'scored', and only with it")
        return self


class Report(_Message):
    """The answer to a job.

    Attributes:
        task: The task's name.
        task_version: Its revision and the digest of its data; losses compare only within one version.
        device: Where it ran.
        initial_loss: Validation loss before training, mean over the seeds; None if the workers died before they said.
        seconds: Wall-clock time of the whole job.
        results: One per program, in the order of the job.
        sandbox: The level of isolation it ran at, from 0 (none) to 3.
    """

    task: str
    task_version: str
    device: str
    initial_loss: float | None
    seconds: float
    results: tuple[Result, ...]
    sandbox: int = Field(default=0, ge=0, le=3)
