"""Many lanes as one flat array of weights: their gradients, their updates, dropping the dead."""

from __future__ import annotations

import itertools
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from evaluators.curvature import diagonal, flat, signs
from evaluators.lanes import Lane
from evaluators.schedule import multiplier
from evaluators.tasks.task import Task, to_tensor
from programs.ir import Program
from programs.run import Runner
from programs.run_torch import TORCH


@dataclass
class Group:
    """The lanes of one program, which lie next to each other.

    Attributes:
        program: Index of the program.
        lanes: Where they lie.
        runner: Runs the program.
        states: Its states.
        curved: Whether it wants to be shown the curvature.
    """

    program: int
    lanes: slice
    runner: Runner[Tensor]
    states: tuple[Tensor, ...]
    curved: bool

    def update(self, shown: Mapping[str, Tensor], step: int, steps: int) -> None:
        """One step in place. `shown` has the inputs that are arrays, for the whole population."""
        inputs: dict[str, float | Tensor] = {name: value[self.lanes] for name, value in shown.items()}
        inputs |= {"t": float(step), "T": float(steps)}
        own = inputs["w"]
        (update,), states = self.runner(inputs, self.states)
        # A rule may keep the old weights as they are in a state, and they are about to change in place.
        self.states = tuple(state.clone() if state is own else state for state in states)
        shown["w"][self.lanes].sub_(update)


class Population:
    """Lanes that train in lock-step.

    Args:
        task: What they train.
        programs: By index.
        lanes: The lanes; those of one program next to each other.
        device: Where they live.
        steps: Length of the run.

    Attributes:
        alive: Positions in `lanes` of those that are left, in order, shape `(alive,)`.
        weights: `(alive, layout.size)`.
        initial: What they were at the start, and what a rule is shown as `w0`.
        errors: What each crashed program raised; its lanes stay as they are from then on.
        seconds: Time spent in the updates of each program.
    """

    def __init__(
        self, task: Task, programs: Sequence[Program], lanes: Sequence[Lane], device: torch.device, steps: int
    ) -> None:
        self._seeds = seeds = list(dict.fromkeys(lane.seed for lane in lanes))
        rows = [seeds.index(lane.seed) for lane in lanes]
        self.alive: NDArray[np.int64] = np.arange(len(lanes))
        self.weights = torch.tensor(np.stack([task.initial_weights(seed) for seed in seeds])[rows], device=device)
        self.errors: dict[int, str] = {}
        self.seconds: defaultdict[int, float] = defaultdict(float)
        self._task, self._steps = task, steps
        self.initial = self.weights.clone()
        self._seed_rows = torch.tensor(rows, device=device)
        rates = [[lane.learning_rate] for lane in lanes]
        self._rates = torch.tensor(rates, dtype=self.weights.dtype, device=device)
        self._groups: list[Group] = []
        end = 0
        for index, members in itertools.groupby(lanes, key=lambda lane: lane.program):
            start, end = end, end + len(list(members))
            program = programs[index]
            runner = Runner(program, task.layout, TORCH)
            states = runner.zero_states(self.weights[start:end])
            self._groups.append(Group(index, slice(start, end), runner, states, "h" in program.inputs))
        self._leaves = self._make_leaves()

    def run(self, first: int, last: int, deadline: float) -> NDArray[np.float32]:
        """The steps after `first`, up to `last`, as many as there is time for.

        Args:
            first: How many steps were run before.
            last: How many are to be run then.
            deadline: Reading of `time.monotonic` after which no further step begins.

        Returns:
            The losses before each step, `(steps run, alive)`.
        """
        device, examples = self.weights.device, self._task.data.train
        order = np.stack([self._task.batches(seed, self._steps)[first:last] for seed in self._seeds], axis=1)
        inputs, targets = to_tensor(examples.inputs[order], device), to_tensor(examples.targets[order], device)
        losses = []
        for row, step in enumerate(range(first + 1, last + 1)):
            if time.monotonic() > deadline:
                break
            losses.append(self.step(inputs[row], targets[row], step))
        return torch.stack(losses).cpu().numpy() if losses else np.empty((0, len(self.alive)), np.float32)

    def step(self, inputs: Tensor, targets: Tensor, step: int) -> Tensor:
        """Train every lane for one step; a program that raises an exception stops, alone.

        Args:
            inputs: A batch for each seed, `(seeds, batch, ...)`.
            targets: `(seeds, batch, ...)`.
            step: From 1.

        Returns:
            The loss before the step, `(alive,)`.
        """
        losses = self._task.loss(self._leaves, self._by_lane(inputs), self._by_lane(targets))
        parts = torch.autograd.grad(losses.sum(), self._leaves)
        curvature = self._curvature(inputs, targets, step)
        with torch.inference_mode():
            shown = {
                "w": self.weights,
                "g": flat(parts),
                "w0": self.initial,
                "h": curvature,
                "loss": losses.detach()[:, None],
                "lr": self._rates * multiplier(step, self._steps),
            }
            for group in self._groups:
                if group.program in self.errors:
                    continue
                started = time.perf_counter()
                try:
                    group.update(shown, step, self._steps)
                except Exception as error:  # noqa: BLE001 - whatever it is, it is this program's failure alone
                    self.errors[group.program] = f"{type(error).__name__}: {error}"
                self.seconds[group.program] += time.perf_counter() - started
        return losses.detach()

    def _curvature(self, inputs: Tensor, targets: Tensor, step: int) -> Tensor:
        """The curvature `(alive, size)` for the lanes of programs that want it; zero for the others, at no cost."""
        found = torch.zeros_like(self.weights[:, :1]).expand_as(self.weights)
        groups = [group for group in self._groups if group.curved and group.program not in self.errors]
        if not groups:
            return found
        started = time.perf_counter()
        lanes = torch.cat([torch.arange(group.lanes.start, group.lanes.stop) for group in groups]).to(found.device)
        rows = self._seed_rows[lanes]
        leaves = [leaf.detach()[lanes].requires_grad_() for leaf in self._leaves]
        losses = self._task.loss(leaves, inputs.index_select(0, rows), targets.index_select(0, rows))
        by_seed = torch.stack([signs(seed, step, found.shape[1]) for seed in self._seeds]).to(found.device)
        found = found.index_copy(0, lanes, diagonal(losses, leaves, by_seed[rows]))
        spent = time.perf_counter() - started
        for group in groups:
            self.seconds[group.program] += spent * (group.lanes.stop - group.lanes.start) / len(lanes)
        return found

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Drop lanes, and the programs that have none left. `kept` has shape `(alive,)`."""
        if kept.all():
            return
        groups, end = [], 0
        for group in self._groups:
            own = kept[group.lanes]
            if own.any():
                group.states = tuple(state[own] for state in group.states)
                start, end = end, end + int(own.sum())
                group.lanes = slice(start, end)
                groups.append(group)
        self._groups = groups
        self.alive = self.alive[kept]
        self.weights, self._rates, self._seed_rows = self.weights[kept], self._rates[kept], self._seed_rows[kept]
        self.initial = self.initial[kept]
        self._leaves = self._make_leaves()

    def _make_leaves(self) -> list[Tensor]:
        """Each parameter as a leaf of its own that shares the memory of the flat weights."""
        return [view.detach().requires_grad_() for view in self._task.views(self.weights)]

    def _by_lane(self, values: Tensor) -> Tensor:
        """`(seeds, ...)` to `(alive, ...)`, without a copy where there is only one seed."""
        if len(values) == 1:
            return values.expand(len(self.alive), *values.shape[1:])
        return values.index_select(0, self._seed_rows)
