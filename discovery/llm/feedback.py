"""What measurements say about a rule, in sentences that say which way to go.

A score says how good a rule is; a direction says what to change. Nie et al., "The importance of directional feedback
for LLM-based optimizers", 2024, https://arxiv.org/abs/2405.16434, found that models make use of the second kind.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np

from archive.records import Evaluation
from discovery.scoring import log_ratios, losses
from evaluators.job import Outcome, Result
from programs import zoo
from programs.fingerprint import fingerprint
from programs.ir import Program
from programs.probe import LAYOUT, Array, noise
from programs.run import NUMPY, Runner
from programs.show import number

_NOTABLE = 0.005  # of a logarithm of a score: less is noise
_GROWTH = 2.0
_STEPS = 30
_FALLING = 0.05
_SENSITIVE = 0.5


def scores(own: Sequence[Evaluation], reference: Sequence[Evaluation]) -> str:
    """The score on every task beside AdamW with its own best learning rate; empty where nothing compares."""
    by_task = _by_task(own, reference)
    shown = [f"{task} {math.exp(value):.3f}" for task, value in by_task.items()]
    return f"Scores by task (tuned AdamW is 1, more is better): {', '.join(shown)}." if shown else ""


def directions(program: Program, own: Sequence[Evaluation], reference: Sequence[Evaluation]) -> str:
    """What to know before changing a rule, one sentence a line; empty if nothing stands out."""
    by_task = _by_task(own, reference)
    sentences = [
        *_failures(own),
        *_uneven(by_task),
        *(sentence for each in _last_by_task(own) for sentence in _training(each.task, each.result)),
        *_known(program),
        *_growth(program),
    ]
    return "\n".join(["What its measurements say:", *(f"- {each}" for each in sentences)]) if sentences else ""


def _by_task(own: Sequence[Evaluation], reference: Sequence[Evaluation]) -> dict[str, float]:
    mine, known = losses(own), losses(reference)
    found = {task: list(log_ratios(mine, known, [task]).values()) for task in mine}
    return {task: sum(values) / len(values) for task, values in found.items() if values}


def _last_by_task(own: Iterable[Evaluation]) -> list[Evaluation]:
    return list({each.task: each for each in own if each.result.outcome is Outcome.SCORED}.values())


def _failures(own: Iterable[Evaluation]) -> Iterable[str]:
    for each in own:
        if each.result.outcome is Outcome.SCORED:
            continue
        yield f"On {each.task} it failed ({each.result.outcome}): {each.result.detail}."
        dead = [rate for rate, loss in each.result.scouted if loss is None]
        alive = [(loss, rate) for rate, loss in each.result.scouted if loss is not None]
        if dead and alive:
            best = min(alive)
            yield (
                f"There it diverged at learning rates of {number(min(dead))} and more; the best of the others, "
                f"{number(best[1])}, ended at a loss of {best[0]:.3g}."
            )


def _uneven(by_task: dict[str, float]) -> Iterable[str]:
    worse = [task for task, value in by_task.items() if value < -_NOTABLE]
    if len(by_task) > 1 and len(worse) == 1:
        yield f"It is worse than AdamW on {worse[0]} alone."
    better = [task for task, value in by_task.items() if value > _NOTABLE]
    if len(by_task) > 1 and len(better) == 1 and not worse:
        yield f"It is better than AdamW on {better[0]} alone."


def _training(task: str, result: Result) -> Iterable[str]:
    tried = [rate for rate, _ in result.scouted]
    learned = [(loss, rate) for rate, loss in result.scouted if loss is not None]
    dead = [rate for rate, loss in result.scouted if loss is None]
    best = result.learning_rate
    if dead and best is not None and min(dead) > best:
        yield f"On {task} its best learning rate is {number(best)}; at {number(min(dead))} and above it diverges."
    if best is not None and len(tried) > 2 and best in (tried[0], tried[-1]):
        way = "smaller" if best == tried[0] else "larger"
        yield f"On {task} even {way} learning rates than the {number(best)} at the end of the grid may suit it."
    if len(learned) > 2:
        least, most = min(learned)[0], max(learned)[0]
        usual = sorted(loss for loss, _ in learned)[len(learned) // 2]
        if most > least and (usual - least) / (most - least) > _SENSITIVE:
            yield f"On {task} it works near one learning rate only."
    curve = result.curve
    if len(curve) >= 8:
        late, last = curve[-len(curve) // 4][1], curve[-1][1]
        if late > 0 and (late - last) / late > _FALLING:
            yield f"On {task} its loss was still falling at the end: it is slow rather than wrong."
        elif late > 0 and last > late:
            yield f"On {task} its loss no longer fell in the last quarter of training."


def _known(program: Program) -> Iterable[str]:
    same = _zoo().get(fingerprint(program).behaviour)
    if same is not None:
        yield f"It does the same as the known rule {same}, up to a constant factor."


def _growth(program: Program) -> Iterable[str]:
    """How its steps change while it is shown one and the same gradient."""
    with np.errstate(all="ignore"):
        (updates,) = Runner(program, LAYOUT, NUMPY).unroll(_steady(), _STEPS).outputs
    sizes = np.sqrt(np.mean(np.square(updates), axis=-1))
    if not np.isfinite(sizes).all() or not sizes.all():
        return
    factor = float(sizes[-1] / sizes[0])
    if max(factor, 1 / factor) >= _GROWTH:
        change = f"{factor:.2g} times as large as" if factor > 1 else f"{1 / factor:.2g} times smaller than"
        yield f"Shown the same gradient {_STEPS} times in a row, it ends with a step {change} its first."


@cache
def _zoo() -> dict[str, str]:
    """Known rules by what they do."""
    return {fingerprint(zoo.load(name)).behaviour: name for name in reversed(zoo.names())}


@cache
def _steady() -> dict[str, Array]:
    """Every input of an update rule, the same at every step but for the time, in one lane."""
    weights, gradient, curvature = (np.repeat(noise(stream)[:1], _STEPS, axis=0) for stream in (2, 0, 8))
    times = np.arange(1.0, _STEPS + 1)[:, None]
    rest = {name: np.full((_STEPS, 1), value) for name, value in (("loss", 1.0), ("lr", 0.01), ("T", 10.0 * _STEPS))}
    return {"w": weights, "g": 0.1 * gradient, "w0": weights, "h": np.abs(curvature), "t": times, **rest}
