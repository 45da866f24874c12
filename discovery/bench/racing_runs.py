"""What the racing bench trains: fresh mutants of known rules, every learning rate in full and in scouting runs.

Nothing is cut short, so that every policy can be replayed on the records afterwards. Each record is one line of a file;
whoever is interrupted goes on from there.
"""

from __future__ import annotations

import json
import math
import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import cycle
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict

from evaluators import engines, tasks
from evaluators.device import choose, prepare, tiny_is_zero
from evaluators.evaluate import initial_losses
from evaluators.job import HALF_DECADES, Engine
from evaluators.lanes import Fate, Lane, Trace
from evaluators.race import at_a_glance
from evaluators.tasks.task import Task
from evaluators.train import checkpoints, verdicts
from programs import zoo
from programs.canon import structure
from programs.edit import mutate
from programs.fingerprint import fingerprint
from programs.ir import Program
from programs.parse import parse
from programs.show import show

SEEDS = (0, 1)
FRACTIONS = (0.05, 0.1, 0.2)
"""Lengths of scouting runs, each with its own decay."""
HOPELESS = (1.2, 2.0)
"""Multiples of the first loss above which a lane would be dropped at a checkpoint."""
_TOGETHER = 4
"""Mutants trained in one call."""
_EDITS = 3


class RecordsError(ValueError):
    """Records that cannot be used: those of another bench, or such that say nothing."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Run(_Row):
    """One training run as it was, and when it would have been dropped.

    Attributes:
        loss: Validation loss at the end; None where it was not finite.
        steps: Steps that it ran.
        dropped: For each of `HOPELESS`, the step at which it would have ended; None if it would not.
    """

    loss: float | None
    steps: int
    dropped: tuple[int | None, ...]


class Record(_Row):
    """Everything measured of one mutant on one task.

    Attributes:
        mutant: Its number.
        task: The task's name.
        untrained: Validation loss before a scouting run.
        full: By seed and learning rate.
        scouts: By length, as in `FRACTIONS`, and learning rate; on the first seed.
    """

    mutant: int
    task: str
    untrained: float
    full: tuple[tuple[Run, ...], ...]
    scouts: tuple[tuple[Run, ...], ...]


def mutants(rules: Sequence[str], count: int, seed: int) -> list[str]:
    """Texts of mutants, about as many of each rule: one to three edits, none like another or like a rule.

    Raises:
        RuleError: The zoo has no rule of that name.
    """
    rng = np.random.default_rng(seed)
    parents = [zoo.load(name) for name in rules]
    forms = {structure(parent) for parent in parents}
    behaviours = {fingerprint(parent).behaviour for parent in parents}
    found: list[str] = []
    for parent in cycle(parents):
        if len(found) == count:
            break
        child = mutate(parent, rng, edits=int(rng.integers(1, _EDITS + 1))).program
        form = structure(child)
        if form in forms:
            continue
        seen = fingerprint(child)
        if seen.trains and seen.behaviour not in behaviours:
            found.append(show(child))
        forms.add(form)
        behaviours.add(seen.behaviour)
    return found


def records(
    texts: Sequence[str], names: Sequence[str], file: Path, jobs: int, progress: Callable[[str], None]
) -> list[Record]:
    """Train what the file lacks, several processes at a time, and return everything, task by task.

    Raises:
        RecordsError: The file holds records of other mutants, or of another version of a task.
    """
    known = _open(file, texts, names)
    chunks = [
        (name, missing[first : first + _TOGETHER])
        for name in names
        if (missing := [number for number in range(len(texts)) if (number, name) not in known])
        for first in range(0, len(missing), _TOGETHER)
    ]
    started, total, had = time.monotonic(), len(texts) * len(names), len(known)
    context = multiprocessing.get_context("spawn")
    with file.open("a", encoding="utf-8") as out, ProcessPoolExecutor(jobs, context, prepare) as pool:
        waiting = [pool.submit(measure, {n: texts[n] for n in chunk}, name) for name, chunk in chunks]
        try:
            for done in as_completed(waiting):
                for record in done.result():
                    known[record.mutant, record.task] = record
                    out.write(record.model_dump_json() + "\n")
                out.flush()
                minutes = (time.monotonic() - started) / (len(known) - had) * (total - len(known)) / 60
                progress(f"{len(known):,} of {total:,} trained, about {minutes:.0f} min to go")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [known[number, name] for name in names for number in range(len(texts))]


def measure(texts: Mapping[int, str], name: str) -> list[Record]:
    """Train some mutants, by number, on one task with every learning rate: in full on every seed, and scouting."""
    task, programs = tasks.get(name), [parse(text) for text in texts.values()]
    glance = at_a_glance(task)
    untrained = initial_losses(glance, SEEDS[:1], choose("cpu"))[0]
    full = _runs(task, programs, SEEDS, task.steps)
    scouts = [_runs(glance, programs, SEEDS[:1], max(1, round(share * task.steps))) for share in FRACTIONS]
    return [
        Record(
            mutant=number,
            task=name,
            untrained=untrained,
            full=tuple(full[index, seed] for seed in SEEDS),
            scouts=tuple(stage[index, SEEDS[0]] for stage in scouts),
        )
        for index, number in enumerate(texts)
    ]


@tiny_is_zero()
def _runs(
    task: Task, programs: Sequence[Program], seeds: Sequence[int], steps: int
) -> dict[tuple[int, int], tuple[Run, ...]]:
    """One run for each learning rate, by program and seed; none is dropped for its loss."""
    keys = [(index, seed) for index in range(len(programs)) for seed in seeds]
    lanes = [Lane(index, rate, seed) for index, seed in keys for rate in HALF_DECADES]
    device = choose("cpu")
    serving = engines.choose(Engine.AUTO, task, device)
    traces = engines.train(task, programs, lanes, serving=serving, steps=steps, hopeless=math.inf, device=device).traces
    rows = np.array([_run(trace, steps) for trace in traces], dtype=object).reshape(len(keys), -1)
    return {key: tuple(row) for key, row in zip(keys, rows, strict=True)}


def _run(trace: Trace, steps: int) -> Run:
    looks = [step for step in checkpoints(steps) if step <= len(trace.losses)]

    def dropped(multiple: float) -> int | None:
        judged = (verdicts(trace.losses[:step, None], multiple)[0] for step in looks)
        return next((step for step, fate in zip(looks, judged, strict=True) if fate is not Fate.FINISHED), None)

    return Run(
        loss=trace.validation if math.isfinite(trace.validation) else None,
        steps=len(trace.losses),
        dropped=tuple(map(dropped, HOPELESS)),
    )


def _open(file: Path, texts: Sequence[str], names: Sequence[str]) -> dict[tuple[int, str], Record]:
    """What the file holds, by mutant and task. Its first line says what it is; the last may have been cut short."""
    head = json.dumps({"mutants": list(texts), "tasks": {name: tasks.get(name).version for name in names}})
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(head + "\n", encoding="utf-8")
        return {}
    first, *lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    if first != head + "\n":
        raise RecordsError(
            f"{file} holds records of other mutants or tasks, or of another version. Name another file with --out, or "
            "remove it."
        )
    whole = [line for line in lines if line.endswith("\n")]
    file.write_text(first + "".join(whole), encoding="utf-8")
    found = map(Record.model_validate_json, whole)
    return {(record.mutant, record.task): record for record in found}
