"""Lanes on the GPU, whose steps run from a graph: forward, backward and the updates of all lanes' own programs.

Nothing of a step passes through the host: the batches of all steps, the schedule and what programs compute from the
step alone are on the device beforehand, and a counter there says which step it is.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluators.bytecode import compile as compile_rule
from evaluators.cuda.kernel import DeviceKernel, Kernel
from evaluators.cuda.tables import Tables, pack
from evaluators.curvature import flat
from evaluators.lanes import Lane
from evaluators.schedule import multiplier
from evaluators.tasks.task import Task, to_tensor
from programs.ir import Program

_LOOK_EVERY = 100
"""Steps between two looks at the clock, for which the host has to wait for the device."""
_WARM_UPS = 2


class DevicePopulation:
    """Lanes that train in lock-step by one graph; what `Population` does, for programs without curvature.

    Args:
        task: What they train.
        programs: By index.
        lanes: The lanes.
        device: Where they live.
        steps: Length of the run.
        kernel: Makes what runs the updates.

    Raises:
        UnsupportedError: A program is too large for the kernel.

    Attributes:
        alive: Positions in `lanes` of those that are left, in order, shape `(alive,)`.
        weights: `(alive, layout.size)`.
        errors: Always empty: a program is data here, and has nothing that could raise an error.
        seconds: Time spent in the updates of each program: none that could be told apart.
    """

    def __init__(
        self,
        task: Task,
        programs: Sequence[Program],
        lanes: Sequence[Lane],
        device: torch.device,
        steps: int,
        kernel: Callable[[Tables], Kernel] = DeviceKernel,
    ) -> None:
        self.errors: dict[int, str] = {}
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self.alive: NDArray[np.int64] = np.arange(len(lanes))
        self._task, self._device = task, device
        seeds = list(dict.fromkeys(lane.seed for lane in lanes))
        rows = [seeds.index(lane.seed) for lane in lanes]
        self.weights = torch.tensor(np.stack([task.initial_weights(seed) for seed in seeds])[rows], device=device)
        self._initial = self.weights.clone()
        self._gradients = torch.zeros_like(self.weights)
        self._losses = torch.zeros(len(lanes), device=device)
        self._rates = torch.tensor([lane.learning_rate for lane in lanes], dtype=torch.float32, device=device)
        self._seed_rows = torch.tensor(rows, device=device)

        used = sorted({lane.program for lane in lanes})
        self._tables = pack([compile_rule(programs[index], task.layout) for index in used], steps)
        numbers = np.array([used.index(lane.program) for lane in lanes])
        memory = [self._tables.memory[number] for number in numbers]
        ends = np.cumsum([len(own) for own in memory])
        self._memory = torch.from_numpy(np.concatenate(memory)).to(device)
        self._lane_memory = torch.from_numpy(ends - [len(own) for own in memory]).to(device)
        self._lane_program = torch.from_numpy(numbers.astype(np.int32)).to(device)
        self._places = torch.from_numpy(self._tables.places[numbers]).to(device)
        self._constant = {
            name: torch.from_numpy(getattr(self._tables, name)).to(device)
            for name in (
                "programs",
                "stages",
                "instructions",
                "targets",
                "swaps",
                "moves",
                "numbers",
                "parts",
                "widths",
            )
        }
        schedule = [multiplier(step, steps) for step in range(1, steps + 1)]
        self._multipliers = torch.tensor(schedule, dtype=torch.float32, device=device)
        self._counter = torch.zeros(1, dtype=torch.int64, device=device)
        self._record = torch.zeros(0)
        examples = task.data.train
        self._inputs, self._targets = to_tensor(examples.inputs, device), to_tensor(examples.targets, device)
        # What each step trains on, `(steps, seeds, batch)`.
        order = np.stack([task.batches(seed, steps) for seed in seeds], axis=1)
        self._order = torch.from_numpy(order).to(device)
        self._kernel = kernel(self._tables)
        self._prepare()

    def run(self, first: int, last: int, deadline: float) -> NDArray[np.float32]:
        """The steps after `first`, up to `last`, as many as there is time for.

        Args:
            first: How many steps were run before.
            last: How many are to be run then.
            deadline: Reading of `time.monotonic`.

        Returns:
            The losses before each step, `(steps run, alive)`.
        """
        done = first
        while done < last and time.monotonic() <= deadline:
            for _ in range(min(_LOOK_EVERY, last - done)):
                self._step()
                done += 1
            self._counter.cpu()
        losses: NDArray[np.float32] = self._record[first:done].cpu().numpy()
        return losses

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop lanes. `kept` has shape `(alive,)`."""
        if kept.all():
            return
        self.alive = self.alive[kept]
        chosen = torch.from_numpy(np.flatnonzero(kept)).to(self._device)
        for name in ("weights", "_initial", "_gradients", "_losses", "_rates", "_seed_rows"):
            setattr(self, name, getattr(self, name)[chosen])
        for name in ("_lane_memory", "_lane_program", "_places"):
            setattr(self, name, getattr(self, name)[chosen])
        if len(self.alive):
            self._prepare()

    def _prepare(self) -> None:
        """Everything whose size is the number of lanes alive, and the step itself."""
        self._record = torch.zeros((len(self._order), len(self.alive)), device=self._device)
        self._leaves = [view.detach().requires_grad_() for view in self._task.views(self.weights)]
        pointers = self._pointers()
        self._table = torch.tensor(pointers, dtype=torch.int64, device=self._device)
        self._step = captured(self.gradient, self._eager) if self._device.type == "cuda" else self._eager

    def _pointers(self) -> list[int]:
        """The structure `Tables` of `lane.cuh`."""
        tables, constant = self._tables, self._constant
        arrays = [
            *(constant[name] for name in ("programs", "stages", "instructions", "targets", "swaps", "moves")),
            *(constant[name] for name in ("numbers", "parts", "widths")),
            *(self._lane_program, self._lane_memory, self._places, self._memory, self.weights, self._gradients),
            *(self._initial, self._losses, self._rates, self._multipliers, self._counter),
        ]
        layout = self._task.layout
        counts = [len(layout.shapes), layout.size, tables.places.shape[1]]
        return [
            *(array.data_ptr() for array in arrays),
            *counts,
            *(tables.most_scalars, tables.most_registers, tables.most_gathers),
        ]

    def gradient(self) -> None:
        """Losses and gradients of all lanes for the batch of the step."""
        examples = self._order.index_select(0, self._counter)[0]
        inputs, targets = (self._by_lane(values[examples]) for values in (self._inputs, self._targets))
        losses = self._task.loss(self._leaves, inputs, targets)
        parts = torch.autograd.grad(losses.sum(), self._leaves)
        self._losses.copy_(losses.detach())
        self._gradients.copy_(flat(parts))

    def _eager(self) -> None:
        """One step of every lane, without the host looking on."""
        self.gradient()
        self._record.index_copy_(0, self._counter, self._losses[None])
        self.update()
        self._counter.add_(1)

    def update(self) -> None:
        """Every lane's own program, for the losses and gradients that are there."""
        self._kernel.launch(self._table, len(self.alive))

    def _by_lane(self, values: Tensor) -> Tensor:
        """`(seeds, ...)` to `(alive, ...)`, without a copy where there is only one seed."""
        if len(values) == 1:
            return values.expand(len(self.alive), *values.shape[1:])
        return values.index_select(0, self._seed_rows)


def captured(warm_up: Callable[[], None], step: Callable[[], None]) -> Callable[[], None]:
    """A step as one launch. What runs before the capture must leave the lanes as they are."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's own
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UPS):
            warm_up()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
