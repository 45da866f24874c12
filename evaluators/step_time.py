"""How long one step of an optimizer takes, exported ones beside those of torch, and how much memory it needs.

All take one step in turn, round after round, so that whatever else the machine does hits all of them alike; what counts
is the ratio to torch's AdamW within a round.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from evaluators.exported import load_class
from programs import zoo
from programs.export import export

REFERENCE = "torch AdamW, foreach"
_COMPILED = "exported AdamW, compiled"
_WARM_UP = 2
_WIDTH, _LAYERS, _WORDS, _LENGTH = 256, 8, 8192, 512
_LAYER = (
    *((_WIDTH,), (_WIDTH,), (3 * _WIDTH, _WIDTH), (3 * _WIDTH,), (_WIDTH, _WIDTH), (_WIDTH,)),
    *((_WIDTH,), (_WIDTH,), (4 * _WIDTH, _WIDTH), (4 * _WIDTH,), (_WIDTH, 4 * _WIDTH), (_WIDTH,)),
)
MODELS: Mapping[str, tuple[tuple[int, ...], ...]] = {
    "transformer": ((_WORDS, _WIDTH), (_LENGTH, _WIDTH), *_LAYER * _LAYERS, (_WIDTH,), (_WIDTH,), (_WORDS, _WIDTH)),
    "many small tensors": ((16, 16, 3, 3), (16,), (16,), (16,)) * 150,
}
"""Shapes of the parameters of a transformer of ten million, and of a deep network of narrow convolutions."""

_Make = Callable[[Sequence[torch.nn.Parameter]], Any]


@dataclass(frozen=True, slots=True)
class Middle:
    """A median with a 95 % interval that assumes no distribution."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class StepTime:
    """One optimizer on one model.

    Attributes:
        model: Name of the shapes, as in `MODELS`.
        device: Where.
        optimizer: What was measured.
        milliseconds: Of one step.
        ratio: To the step of `REFERENCE` in the same round.
        first_seconds: Of the first step, in which states are made and functions compiled.
        state_per_weight: Numbers kept per weight from step to step.
        extra_per_weight: Most numbers per weight that a step needs besides, for a while; NaN where that is not known.
    """

    model: str
    device: str
    optimizer: str
    milliseconds: Middle
    ratio: Middle
    first_seconds: float
    state_per_weight: float
    extra_per_weight: float


def step_times(
    rounds: int, device: str, progress: Callable[[str], None], *, compiled: bool = False, threads: int = 1
) -> list[StepTime]:
    """Measure every optimizer on every model.

    Args:
        rounds: How many steps of each.
        device: Where, as torch calls it.
        progress: Is told what is being done.
        compiled: Whether to measure the compiled path too, whose first step takes minutes.
        threads: Of a CPU.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with TemporaryDirectory(prefix="savanna-") as folder:
            makers = _makers(Path(folder), compiled=compiled)
            found = [_measure(model, device, makers, rounds, progress) for model in MODELS]
    finally:
        torch.set_num_threads(before)
    return [each for times in found for each in times]


def _makers(folder: Path, *, compiled: bool) -> dict[str, _Make]:
    made = {}
    for rule in ("adamw", "lion"):
        file = folder / f"step_time_{rule}.py"
        file.write_text(export(zoo.load(rule), class_name="Exported"), encoding="utf-8")
        made[rule] = load_class(file, "Exported")
    adamw, lion = (partial(made[rule], lr=1e-4) for rule in ("adamw", "lion"))
    torch_adamw = partial(torch.optim.AdamW, lr=1e-4)
    makers: dict[str, _Make] = {
        REFERENCE: partial(torch_adamw, foreach=True),
        "torch AdamW, fused": partial(torch_adamw, fused=True),
        "torch AdamW, one by one": partial(torch_adamw, foreach=False),
        "exported AdamW": adamw,
        "exported AdamW, one by one": partial(adamw, foreach=False),
        "exported Lion": lion,
    }
    return makers | ({_COMPILED: partial(adamw, fused=True)} if compiled else {})


def _measure(
    model: str, device: str, makers: Mapping[str, _Make], rounds: int, progress: Callable[[str], None]
) -> list[StepTime]:
    first, steps, optimizers = {}, {}, {}
    for name, make in makers.items():
        progress(f"{model}, {name}: first step")
        optimizers[name] = make(_parameters(MODELS[model], device))
        steps[name] = optimizers[name].step
        first[name] = _seconds(steps[name], device)
        for _ in range(_WARM_UP):
            steps[name]()
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    names = list(makers)
    for done in range(rounds):
        progress(f"{model}: round {done + 1} of {rounds}")
        turn = done % len(names)
        for name in names[turn:] + names[:turn]:
            seconds[name].append(_seconds(steps[name], device))
    weights = sum(math.prod(shape) for shape in MODELS[model])
    return [
        StepTime(
            model=model,
            device=device,
            optimizer=name,
            milliseconds=_middle([1e3 * each for each in seconds[name]]),
            ratio=_middle([own / other for own, other in zip(seconds[name], seconds[REFERENCE], strict=True)]),
            first_seconds=first[name],
            state_per_weight=_state(optimizers[name]) / weights,
            extra_per_weight=math.nan if name == _COMPILED else _peak(steps[name], device) / weights,
        )
        for name in names
    ]


def _parameters(shapes: Sequence[tuple[int, ...]], device: str) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    params = []
    for shape in shapes:
        p = torch.nn.Parameter(torch.randn(shape, generator=generator).to(device))
        p.grad = (0.01 * torch.randn(shape, generator=generator)).to(device)
        params.append(p)
    return params


def _seconds(step: Callable[[], object], device: str) -> float:
    _synchronize(device)
    started = time.perf_counter()
    step()
    _synchronize(device)
    return time.perf_counter() - started


def _synchronize(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()


def _middle(values: Sequence[float]) -> Middle:
    """The median, between the order statistics that enclose it 19 times in 20."""
    ordered, count = sorted(values), len(values)
    reach = 0.98 * math.sqrt(count)
    low, high = math.floor(count / 2 - reach), math.ceil(count / 2 + reach)
    return Middle(median(ordered), ordered[max(low, 0)], ordered[min(high, count - 1)])


def _state(optimizer: torch.optim.Optimizer) -> float:
    """Numbers in the state, of four bytes; single numbers such as a step count are left out."""
    tensors = [
        value for state in optimizer.state.values() for value in state.values() if isinstance(value, torch.Tensor)
    ]
    return sum(x.numel() * x.element_size() for x in tensors if x.dim()) / 4


def _peak(step: Callable[[], object], device: str) -> float:
    """Most memory that a step holds at any time beyond what was held before, in numbers of four bytes."""
    if device.startswith("cuda"):
        _synchronize(device)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        _synchronize(device)
        return float(torch.cuda.max_memory_allocated() - before) / 4
    with _Watch() as watch:
        step()
    return float(watch.peak) / 4


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no types for it
    """Adds up the memory of the tensors that operations make, for as long as they live.

    Attributes:
        peak: The most bytes at any time.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # as above
        self.peak = self._held = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run one operation and count what it made."""
        result = func(*args, **(kwargs or {}))
        known = {_storage(x) for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        for x in tree_leaves(result):
            if isinstance(x, torch.Tensor) and _storage(x) not in known:
                size = x.untyped_storage().nbytes()
                self._held += size
                weakref.finalize(x, self._release, size)
        self.peak = max(self.peak, self._held)
        return result

    def _release(self, size: int) -> None:
        self._held -= size


def _storage(x: torch.Tensor) -> int:
    return x.untyped_storage().data_ptr()
