"""An exported file tried out in a process of its own: does it do what the rule does, and which losses does it reach?

The new process imports the file and trains real parameter tensors with the class in it, through torch's own autograd.
What comes back is compared here with the interpreter, or with the losses of a search. The file is trusted: it is
written by `programs.export` from a checked program, never by a candidate.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.device import prepare, tiny_is_zero
from evaluators.schedule import multiplier
from evaluators.tasks import get
from evaluators.tasks.task import to_tensor
from programs.ir import Program
from programs.layout import Layout
from programs.run import NUMPY, Runner

BOUND = 1e-9
"""How far a file may be from the interpreter, in double precision, relative to numbers above 1."""
STEPS = 25
SHAPES = ((), (5,), (4, 3), (2, 3, 2, 2))
TIMEOUT_S = 3600.0
_LEARNING_RATE = 0.02


class ExportedError(RuntimeError):
    """The new process failed; the message is the last thing that it said."""


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far an exported file is from the interpreter.

    Attributes:
        steps: How many were compared.
        by_path: For every way the file has of going through the parameters, the largest difference between any two
            weights after any step, in double precision, relative to numbers above 1; infinite where only one is finite.
    """

    steps: int
    by_path: Mapping[str, float]

    @property
    def largest(self) -> float:
        """The largest difference on any path."""
        return max(self.by_path.values())

    @property
    def holds(self) -> bool:
        """Whether it is within `BOUND`."""
        return self.largest <= BOUND


@dataclass(frozen=True, slots=True)
class _Request:
    """What the new process is to do.

    Attributes:
        file: The exported file.
        class_name: The class in it.
        settings: Arguments of its constructor, besides the parameters.
        asks: The inputs of the rule.
        task: What to train; empty for quadratics, to be compared with the interpreter.
        steps: How many steps to take.
        seeds: Those to train with.
    """

    file: str
    class_name: str
    settings: dict[str, float]
    asks: list[str]
    task: str
    steps: int
    seeds: list[int] = field(default_factory=list)


def deviation(program: Program, file: Path, class_name: str, steps: int = STEPS) -> Deviation:
    """Compare an exported file, in a new process, with the interpreter of the language.

    Both train four parameters of up to four axes on a sum of quadratics whose curvature is known and whose slopes
    change with every step, with the schedule of the tasks.

    Args:
        program: The rule that the file was made from.
        file: The file.
        class_name: The class in it.
        steps: How many steps to compare.

    Raises:
        ExportedError: The file does not run.
    """
    request = _Request(str(file), class_name, _settings(program, _LEARNING_RATE, steps), [*program.inputs], "", steps)
    expected = _interpreted(program, steps)
    found = {path: np.array(trace, dtype=float) for path, trace in _in_new_process(request).items()}
    return Deviation(steps, {path: _distance(trace, expected) for path, trace in found.items()})


def exported_losses(
    file: Path,
    class_name: str,
    program: Program,
    task: str,
    learning_rate: float,
    seeds: Sequence[int],
    steps: int,
    settings: Mapping[str, float] | None = None,
) -> list[float]:
    """The validation losses that an exported file reaches, in a new process: what `evaluators.train` does with lanes.

    A rule that looks at the curvature draws its own random signs, so that its losses are those of a search but for that
    noise.

    Args:
        file: The file.
        class_name: The class in it.
        program: The rule that the file was made from, which says what the class must be given.
        task: Name of the task.
        learning_rate: Peak of the schedule.
        seeds: One training run each.
        steps: Length of each run.
        settings: Hyperparameters that are not to have their defaults.

    Returns:
        One loss for each seed, NaN where training did not stay finite.

    Raises:
        ExportedError: The file does not run.
        ValueError: There is no such task.
    """
    get(task)
    chosen = _settings(program, learning_rate, steps) | dict(settings or {})
    request = _Request(str(file), class_name, chosen, [*program.inputs], task, steps, [*seeds])
    return [math.nan if loss is None else float(loss) for loss in _in_new_process(request)["losses"]]


def _settings(program: Program, learning_rate: float, steps: int) -> dict[str, float]:
    values = {"lr": ("lr", learning_rate), "T": ("total_steps", steps)}
    return dict(values[name] for name in program.inputs if name in values)


def _in_new_process(request: _Request) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "evaluators.exported"]
    text = json.dumps(asdict(request))
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"]
        raise ExportedError(f"{request.file}: {lines[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _distance(found: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        apart = np.where(same, 0.0, np.abs(found - expected) / np.maximum(1.0, np.abs(expected)))
    return float(np.where(np.isnan(apart), math.inf, apart).max(initial=0.0))


def _quadratics(steps: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """First weights and the curvature of each, `(size,)`, and the slopes at zero in every step, `(steps, size)`."""
    rng = np.random.default_rng(0)
    size = Layout.of(SHAPES).size
    return rng.standard_normal(size), rng.uniform(0.0, 2.0, size), rng.standard_normal((steps, size))


def _interpreted(program: Program, steps: int) -> NDArray[np.float64]:
    """The weights after every step `(steps, size)`, by the interpreter."""
    initial, curvature, slopes = _quadratics(steps)
    runner = Runner(program, Layout.of(SHAPES), NUMPY)
    weights = initial[None]
    states = runner.zero_states(weights)
    trace = []
    with np.errstate(all="ignore"):
        for step in range(1, steps + 1):
            gradient = curvature * weights + slopes[step - 1]
            loss = float(np.sum(0.5 * curvature * np.square(weights) + slopes[step - 1] * weights))
            inputs = {"w": weights, "g": gradient, "w0": initial[None], "h": curvature[None], "loss": loss}
            rate = _LEARNING_RATE * multiplier(step, steps)
            (update,), states = runner({**inputs, "lr": rate, "t": float(step), "T": float(steps)}, states)
            weights = weights - update
            trace.append(weights[0])
    return np.stack(trace)


def load_class(file: Path, class_name: str) -> Any:
    """The class in an exported file, which is imported into this process."""
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, class_name)


def _optimizer(request: _Request, params: Sequence[torch.nn.Parameter]) -> Any:
    return load_class(Path(request.file), request.class_name)(params, **request.settings)


def _step(request: _Request, optimizer: Any, loss: torch.Tensor, step: int) -> None:
    """One step of training as a user would take it, with the schedule of the tasks."""
    params = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = torch.autograd.grad(loss, params, create_graph="h" in request.asks)
    for p, gradient in zip(params, gradients, strict=True):
        p.grad = gradient
    for group in optimizer.param_groups:
        if "lr" in group:
            group["lr"] = request.settings["lr"] * multiplier(step, request.steps)
    optimizer.step(**({"loss": loss.detach()} if "loss" in request.asks else {}))


def _compared(request: _Request) -> dict[str, list[list[float]]]:
    """The weights after every step, for every path of the file."""
    traces = {}
    for path in ("foreach", "loop"):
        initial, curvature, slopes = map(torch.from_numpy, _quadratics(request.steps))
        sizes = Layout.of(SHAPES).sizes
        params = [
            torch.nn.Parameter(part.reshape(shape).clone())
            for part, shape in zip(torch.split(initial, list(sizes)), SHAPES, strict=True)
        ]
        optimizer = _optimizer(request, params)
        if path == "foreach" and "foreach" not in optimizer.defaults:
            continue
        for group in optimizer.param_groups:
            group["foreach"] = path == "foreach"
        trace = []
        for step in range(1, request.steps + 1):
            weights = torch.cat([p.reshape(-1) for p in params])
            loss = (0.5 * curvature * torch.square(weights) + slopes[step - 1] * weights).sum()
            _step(request, optimizer, loss, step)
            trace.append(torch.cat([p.detach().reshape(-1) for p in params]).tolist())
        traces[path] = trace
    return traces


def _losses(request: _Request) -> dict[str, list[float | None]]:
    """The validation loss of each seed."""
    task = get(request.task)
    losses: list[float | None] = []
    for seed in request.seeds:
        torch.manual_seed(seed)  # for the signs that show the curvature
        initial = torch.from_numpy(task.initial_weights(seed))
        parts = torch.split(initial, [math.prod(parameter.shape) for parameter in task.parameters])
        params = [
            torch.nn.Parameter(part.reshape(parameter.shape).clone())
            for part, parameter in zip(parts, task.parameters, strict=True)
        ]
        optimizer = _optimizer(request, params)
        for step, batch in enumerate(task.batches(seed, request.steps), start=1):
            examples = task.data.train
            inputs, targets = (
                to_tensor(array[batch], initial.device)[None] for array in (examples.inputs, examples.targets)
            )
            loss = task.loss([p[None] for p in params], inputs, targets).sum()
            _step(request, optimizer, loss, step)
        weights = torch.cat([p.detach().reshape(-1) for p in params])
        reached = float(task.validate(weights[None]))
        losses.append(reached if math.isfinite(reached) else None)
    return {"losses": losses}


def main() -> None:
    """What the new process does: a request on standard input, the answer on standard output."""
    request = _Request(**json.load(sys.stdin))
    prepare()
    with tiny_is_zero():
        answer: Mapping[str, Any] = _losses(request) if request.task else _compared(request)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
