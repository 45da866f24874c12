"""How fast models are trained: every engine's runs against the plain loop in torch, in turn, on one thread."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import numpy as np

from evaluators import engines, tasks
from evaluators.bytecode import compile as compile_rule
from evaluators.device import choose, prepare, tiny_is_zero
from evaluators.evaluate import evaluate
from evaluators.job import Engine, Job, Race
from evaluators.lanes import Lane
from evaluators.models.work import flops
from evaluators.native.update import Update
from evaluators.plain_loop import ADAMW, MUON, PlainLoop
from evaluators.tasks.task import Task
from programs import zoo
from programs.edit import mutate
from programs.layout import Layout
from programs.show import show

RULES = (ADAMW, MUON)
RATES = (5e-4, 1e-3, 2e-3)
"""Peaks of the runs that are timed; all of them train to the end."""
UPDATE_BYTES = 28
"""That AdamW has to move for each weight: weight, gradient and two moments in, weight and moments out."""
MATRIX_SIZES = (96, 192, 384)
REPEATS = 30
LEAST_SECONDS = 1e-3
HOURS = 36_000.0
"""More seconds than any race takes."""


@dataclass(frozen=True, slots=True)
class RuleSpeed:
    """One rule on one task.

    Attributes:
        us_per_step: Microseconds of a training step of one run, its share of the start and the validation included.
        us_per_step_torch: Of the plain loop, which has no validation. Both are medians over rounds.
        speedup_vs_torch_loop: The plain loop's time over the engine's, median over rounds.
        lowest: Of the ratios of all rounds.
        highest: Of the ratios of all rounds.
    """

    us_per_step: float
    us_per_step_torch: float
    speedup_vs_torch_loop: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class TaskSpeed:
    """One task.

    Attributes:
        task: Its name.
        engine: What trained.
        weights: Of its model.
        rules: By name.
        candidates_per_s: Programs per second that train at every learning rate on every seed to the end, if none dies.
        candidates_per_s_racing: Mutants of AdamW per second that go through the race, measured.
        matmul_share: Of the measured peak of matrix products, while AdamW trains.
        bandwidth_share: Of the measured bandwidth of memory as near as the weights are, in AdamW's update; None unless
            the native engine serves.
    """

    task: str
    engine: str
    weights: int
    rules: dict[str, RuleSpeed]
    candidates_per_s: float
    candidates_per_s_racing: float
    matmul_share: float
    bandwidth_share: float | None


@dataclass(frozen=True, slots=True)
class Speed:
    """All of it, in seconds of one thread's processor time; on a GPU of the clock.

    Attributes:
        device: Where.
        peak_gflops: What the fastest product of square matrices reaches here, in single precision.
        budget: Share of a task's steps that the candidates of the race trained for.
        mutants: How many went through the race.
        rounds: Repeats of the timed runs.
        tasks: One for each.
    """

    device: str
    peak_gflops: float
    budget: float
    mutants: int
    rounds: int
    tasks: tuple[TaskSpeed, ...]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: Repeats.
        seconds: Of the plain loop, for each rule of each round, about.
        mutants: Of the race.
        budget: Of the race.
    """

    rounds: int
    seconds: float
    mutants: int
    budget: float


FULL, QUICK = Effort(7, 0.5, 8, 1.0), Effort(3, 0.03, 2, 0.1)


def bench(names: Sequence[str], device: str, wanted: Engine, effort: Effort, progress: Callable[[str], None]) -> Speed:
    """Measure tasks one after the other.

    Raises:
        ValueError: There is no such task, device or engine, or no model for the plain loop to train.
    """
    prepare()
    place = choose(device)
    clock = time.process_time if place.type == "cpu" else time.perf_counter
    peak = _peak(clock)
    found = []
    with tiny_is_zero():
        for name in names:
            task = tasks.get(name)
            timing = _Timing(task, str(place), wanted, clock)
            speeds = timing.rules(effort, partial(_say, progress, name))
            progress(f"{name}: racing")
            racing = timing.candidates(effort)
            found.append(_speed(timing, speeds, racing, peak))
    return Speed(str(place), peak / 1e9, effort.budget, effort.mutants, effort.rounds, tuple(found))


def _say(progress: Callable[[str], None], name: str, number: int, rule: str) -> None:
    progress(f"{name}: {rule}, round {number}")


class _Timing:
    """What is timed of one task."""

    def __init__(self, task: Task, device: str, wanted: Engine, clock: Callable[[], float]) -> None:
        self.task, self.clock = task, clock
        self._device, self._wanted = choose(device), wanted
        self.serving = engines.choose(wanted, task, self._device)
        self._programs = {rule: zoo.load(rule) for rule in RULES}
        _ = task.data

    def rules(self, effort: Effort, progress: Callable[[int, str], None]) -> dict[str, RuleSpeed]:
        """The rules, plain loop and engine in turn."""
        loops = {rule: PlainLoop(self.task, rule, RATES[0], self.task.steps, self._device) for rule in RULES}
        counts = {rule: max(2, round(effort.seconds / self._plain(loop, 2))) for rule, loop in loops.items()}
        times: dict[str, list[tuple[float, float]]] = {rule: [] for rule in RULES}
        for number in range(1, effort.rounds + 1):
            for rule in RULES:
                progress(number, rule)
                times[rule].append((self._plain(loops[rule], counts[rule]), self._engine(rule, effort)))
        return {rule: _ratio(pairs) for rule, pairs in times.items()}

    def candidates(self, effort: Effort) -> float:
        """Mutants of AdamW per second that go through the race."""
        rng = np.random.default_rng(0)
        mutants = tuple(show(mutate(zoo.load(ADAMW), rng).program) for _ in range(effort.mutants))
        job = Job(
            programs=mutants,
            task=self.task.name,
            device=str(self._device),
            engine=self._wanted,
            budget=effort.budget,
            time_limit=HOURS,
        )
        begin = self.clock()
        evaluate(job)
        return len(mutants) / (self.clock() - begin)

    def _plain(self, loop: PlainLoop, steps: int) -> float:
        begin = self.clock()
        float(loop.run(steps))
        return (self.clock() - begin) / steps

    def _engine(self, rule: str, effort: Effort) -> float:
        steps = max(1, round(self.task.steps * effort.budget))
        lanes = [Lane(0, rate, 0) for rate in RATES]
        begin = self.clock()
        done = engines.train(
            self.task,
            [self._programs[rule]],
            lanes,
            serving=self.serving,
            steps=steps,
            hopeless=math.inf,
            device=self._device,
        )
        return (self.clock() - begin) / sum(len(trace.losses) for trace in done.traces)


def _ratio(pairs: Sequence[tuple[float, float]]) -> RuleSpeed:
    ratios = [plain / own for plain, own in pairs]
    return RuleSpeed(
        us_per_step=1e6 * median(own for _, own in pairs),
        us_per_step_torch=1e6 * median(plain for plain, _ in pairs),
        speedup_vs_torch_loop=median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
    )


def _speed(timing: _Timing, rules: dict[str, RuleSpeed], racing: float, peak: float) -> TaskSpeed:
    task, race = timing.task, Race()
    step = rules[ADAMW].us_per_step / 1e6
    runs = len(race.learning_rates) * len(Job.model_fields["seeds"].default)
    assert task.model is not None  # the plain loop has trained it
    native = timing.serving.engine is Engine.NATIVE
    return TaskSpeed(
        task=task.name,
        engine=timing.serving.engine.value,
        weights=task.layout.size,
        rules=rules,
        candidates_per_s=1 / (step * runs * task.steps),
        candidates_per_s_racing=racing,
        matmul_share=flops(task.model, task.batch) / step / peak,
        bandwidth_share=_bandwidth_share(task.layout, timing.clock) if native else None,
    )


def _peak(clock: Callable[[], float]) -> float:
    """Floating-point operations per second of the product of square matrices that is fastest."""
    return max(2 * size**3 / _typical(_product(size), clock) for size in MATRIX_SIZES)


def _product(size: int) -> Callable[[], object]:
    a = np.random.default_rng(0).standard_normal((size, size)).astype(np.float32)
    return lambda: a @ a


def _bandwidth_share(layout: Layout, clock: Callable[[], float]) -> float:
    """What AdamW's update moves in its time, over what a sum of two arrays moves that take as much memory."""
    update = _update_seconds(layout, clock) - _update_seconds(Layout.of([(1,)]), clock)
    a, b, c = np.ones((3, max(1, layout.size * 4 // 3)), np.float32)
    numpy = _typical(lambda: np.add(a, b, out=c), clock) - _typical(lambda: np.add(a[:1], b[:1], out=c[:1]), clock)
    return (UPDATE_BYTES * layout.size / update) / (12 * len(a) / numpy)


def _update_seconds(layout: Layout, clock: Callable[[], float]) -> float:
    update = Update(compile_rule(zoo.load(ADAMW), layout))
    w, g = np.ones((2, layout.size), np.float32)
    return _typical(lambda: update.step(w, g, lr=1e-3, t=1, steps=1000), clock)


def _typical(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Seconds of a call: the median over some repeats, each as many calls as the clock can tell apart."""
    begin = clock()
    work()
    calls = 1 + round(LEAST_SECONDS / max(clock() - begin, 1e-7))
    found = []
    for _ in range(REPEATS):
        begin = clock()
        for _ in range(calls):
            work()
        found.append((clock() - begin) / calls)
    return median(found)
