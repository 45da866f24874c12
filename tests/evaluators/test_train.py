from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from evaluators import tasks
from evaluators.curvature import signs
from evaluators.lanes import Fate, Lane, Trace
from evaluators.schedule import multiplier
from evaluators.tasks.task import Task, to_tensor
from evaluators.train import checkpoints, train
from programs.parse import parse
from programs.run_torch import MEANINGS

CPU = torch.device("cpu")
DIGITS = tasks.get("digits_mlp")


def run(texts: Sequence[str], lanes: Sequence[Lane], *, steps: int = 40, task: Task = DIGITS) -> tuple[Trace, ...]:
    return train(task, [parse(text) for text in texts], lanes, steps=steps, hopeless=1.2, device=CPU).traces


def same(trace: Trace, other: Trace) -> bool:
    """Equal but for rounding."""
    return np.allclose(trace.losses, other.losses, rtol=1e-4, atol=1e-5) and bool(
        np.isclose(trace.validation, other.validation, rtol=1e-4, equal_nan=True)
    )


class Digits(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10))
        self.criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self.criterion(self.layers(inputs), targets)
        return loss


class Text(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(96, 8)
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 96))
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss: Tensor = self.criterion(self.layers(self.embedding(inputs).mT), targets)
        return loss


@pytest.mark.parametrize(("name", "model"), [("digits_mlp", Digits()), ("text_ngram", Text())])
def test_a_lane_trains_as_an_ordinary_torch_loop_does(name: str, model: nn.Module, rules: dict[str, str]) -> None:
    task, steps, peak, seed = tasks.get(name), 60, 3e-3, 5
    flat = torch.tensor(task.initial_weights(seed))
    shapes = [tuple(parameter.shape) for parameter in model.parameters()]
    assert shapes == list(task.layout.shapes)
    for parameter, part in zip(model.parameters(), task.layout.slices, strict=True):
        parameter.data.copy_(flat[part].view_as(parameter))
    optimizer = torch.optim.AdamW(model.parameters(), lr=peak)
    examples, expected = task.data.train, []
    for step, order in enumerate(task.batches(seed, steps), start=1):
        optimizer.param_groups[0]["lr"] = peak * multiplier(step, steps)
        optimizer.zero_grad()
        loss = model(to_tensor(examples.inputs[order], CPU), to_tensor(examples.targets[order], CPU))
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    with torch.no_grad():
        held_out = task.data.validation
        validation = model(to_tensor(held_out.inputs, CPU), to_tensor(held_out.targets, CPU)).item()

    lanes = [Lane(0, 1e-3, seed), Lane(0, peak, seed), Lane(0, peak, 6)]
    trace = run([rules["adamw"]], lanes, steps=steps, task=task)[1]
    assert trace.losses == pytest.approx(expected, rel=2e-4)
    assert trace.validation == pytest.approx(validation, rel=2e-4)


def test_a_rule_is_shown_its_initial_weights_its_loss_and_its_curvature() -> None:
    lanes = [Lane(program, 0.1, seed) for program in range(3) for seed in (5, 6)]
    texts = [
        "def back(w, g, w0):\n    return w - w0 + 0.001 * g",
        "def by_loss(g, lr, loss):\n    return lr * loss * g",
        "def newton(g, h, lr):\n    return lr * g / maximum(abs(h), 0.1)",
    ]
    traces = run(texts, lanes, steps=20)
    model, start = Digits(), torch.tensor(DIGITS.initial_weights(5))
    batches = list(DIGITS.batches(5, 20))
    for program in range(3):
        flat = start.clone()
        for step, order in enumerate(batches, start=1):
            flat.requires_grad_()
            parts = {
                name: flat[part].view(shape)
                for (name, _), part, shape in zip(
                    model.named_parameters(), DIGITS.layout.slices, DIGITS.layout.shapes, strict=True
                )
            }
            examples = DIGITS.data.train
            inputs, targets = to_tensor(examples.inputs[order], CPU), to_tensor(examples.targets[order], CPU)
            loss = torch.func.functional_call(model, parts, (inputs, targets))
            assert loss.item() == pytest.approx(traces[2 * program].losses[step - 1], rel=1e-3)
            (g,) = torch.autograd.grad(loss, flat, create_graph=True)
            z = signs(5, step, DIGITS.layout.size)
            (hz,) = torch.autograd.grad((g * z).sum(), flat)
            rate = 0.1 * multiplier(step, 20)
            updates = [flat - start + 0.001 * g, rate * loss * g, rate * g / (z * hz).abs().clamp(min=0.1)]
            flat = (flat - updates[program]).detach()


def test_curvature_for_one_program_leaves_the_others_as_they_are(rules: dict[str, str]) -> None:
    curved = "def curved(g, h, lr):\n    return lr * g / (1 + abs(h))"
    lanes = [Lane(program, 0.05, seed) for program in (0, 1, 2) for seed in (0, 1)]
    together = run([rules["exploding"], curved, rules["adamw"]], lanes)
    assert all(
        same(*pair) for pair in zip(together[2:4], run([curved], [Lane(0, 0.05, s) for s in (0, 1)]), strict=True)
    )
    alone = run([rules["adamw"]], [Lane(0, 0.05, seed) for seed in (0, 1)])
    assert all(same(*pair) for pair in zip(together[4:], alone, strict=True))


def test_checkpoints_come_early_and_never_at_the_end() -> None:
    assert checkpoints(1000) == [25, 50, 100, 250, 500]
    assert checkpoints(40) == [1, 2, 4, 10, 20]
    assert checkpoints(2) == [1]
    assert checkpoints(1) == []


def test_the_same_call_gives_the_same_bits(rules: dict[str, str]) -> None:
    lanes = [Lane(program, rate, seed) for program in (0, 1) for rate in (0.003, 0.03) for seed in (0, 1)]
    first, second = (run([rules["adamw"], rules["exploding"]], lanes) for _ in range(2))
    for trace, again in zip(first, second, strict=True):
        assert np.array_equal(trace.losses, again.losses, equal_nan=True)
        assert np.array_equal(trace.validation, again.validation, equal_nan=True)
        assert trace.fate is again.fate


def test_all_programs_of_a_seed_start_from_the_same_weights_and_see_the_same_batches(rules: dict[str, str]) -> None:
    lanes = [Lane(program, rate, seed) for program in (0, 1) for rate in (1e-12, 0.01) for seed in (0, 1)]
    traces = run([rules["sgd"], rules["momentum"]], lanes, steps=10)
    still = {lane: trace for lane, trace in zip(lanes, traces, strict=True) if lane.learning_rate == 1e-12}
    for seed in (0, 1):  # what hardly moves shows the batches
        assert still[Lane(0, 1e-12, seed)].losses == pytest.approx(still[Lane(1, 1e-12, seed)].losses, rel=1e-6)
        assert len({float(t.losses[0]) for t in traces if t.lane.seed == seed}) == 1
    assert traces[0].losses[0] != traces[1].losses[0]


def test_dying_neighbours_change_nothing_for_the_others(rules: dict[str, str]) -> None:
    alone = run([rules["adamw"]], [Lane(0, 0.01, seed) for seed in (0, 1)])
    texts = [rules["exploding"], rules["adamw"], rules["nan"], rules["sgd"]]
    lanes = [Lane(program, 0.01, seed) for program in range(4) for seed in (0, 1)]
    crowd = run(texts, lanes)
    assert all(same(mine, beside) for mine, beside in zip(alone, crowd[2:4], strict=True))
    assert {trace.fate for trace in (*crowd[:2], *crowd[4:6])} <= {Fate.NOT_FINITE, Fate.HOPELESS}
    assert {trace.fate for trace in (*crowd[2:4], *crowd[6:])} == {Fate.FINISHED}


def test_lanes_of_one_program_die_one_by_one_and_the_rest_keep_their_states_and_rates(rules: dict[str, str]) -> None:
    lanes = [Lane(0, rate, seed) for rate in (0.01, 100.0, 0.3, 0.03) for seed in (0, 1)]
    lanes = [Lane(0, 30.0, 0), *lanes]  # an odd one, so that the seeds of those left do not fall into step again
    together = run([rules["momentum"]], lanes)
    for lane, trace in zip(lanes, together, strict=True):
        (alone,) = run([rules["momentum"]], [lane])
        assert trace.fate is alone.fate
        assert len(trace.losses) == len(alone.losses)
        assert trace.fate is not Fate.FINISHED or same(trace, alone)
    assert {trace.lane.learning_rate for trace in together if trace.fate is not Fate.FINISHED} >= {30.0, 100.0}
    assert sum(trace.fate is Fate.FINISHED for trace in together) >= 4


def test_a_dead_lane_stops_at_a_checkpoint_and_says_when_it_died(rules: dict[str, str]) -> None:
    nan, exploding = run([rules["nan"], rules["growing"]], [Lane(0, 0.1, 0), Lane(1, 0.1, 0)])
    assert (nan.fate, nan.last_step, len(nan.losses)) == (Fate.NOT_FINITE, 4, 10)
    assert exploding.fate is not Fate.FINISHED
    assert len(exploding.losses) in checkpoints(40)
    assert np.isnan([nan.validation, exploding.validation]).all()


def test_a_lane_that_ends_in_nan_after_the_last_checkpoint_is_not_finished() -> None:
    text = "def late(w, g, lr, t):\n    return g * lr * sqrt(30.5 - t)\n"
    (trace,) = run([text], [Lane(0, 0.01, 0)])
    assert (trace.fate, trace.last_step) == (Fate.NOT_FINITE, 32)


@pytest.mark.parametrize("step", [9, 14])
def test_a_spike_is_no_death_not_even_at_a_checkpoint(step: int) -> None:
    spike = f"(maximum(0, 1 - abs(t - {step})) - maximum(0, 1 - abs(t - {step + 1})))"
    text = f"def jumpy(w, g, lr, t):\n    return g * lr - 64 * {spike}\n"
    (trace,) = run([text], [Lane(0, 1e-12, 0)])
    assert trace.losses[step] > 100
    assert trace.losses[step + 1] < 3
    assert trace.fate is Fate.FINISHED


def test_a_rule_may_remember_the_old_weights(rules: dict[str, str]) -> None:
    heavy_ball = "def heavy_ball(w, g, p, lr, t):\n    return g * lr - 0.9 * (w - p) * greater(t, 1), w\n"
    momentum = rules["momentum"].replace("return m * lr", "return m * 0.02").replace(", lr", "")
    remembers = heavy_ball.replace("g * lr", "g * 0.02").replace(", lr", "")
    first, second = run([remembers, momentum], [Lane(0, 1.0, 0), Lane(1, 1.0, 0)], steps=20)
    assert same(first, second)


def test_an_exception_in_an_update_ends_that_program_alone(
    rules: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Tensor] = []

    def broken(x: Tensor) -> Tensor:
        calls.append(x)
        if len(calls) == 15:
            raise RuntimeError("no cube root today")
        return x

    monkeypatch.setitem(MEANINGS, "cbrt", broken)
    texts = [rules["sgd"], "def f(w, g, lr):\n    return cbrt(g) * lr\n", rules["sgd"]]
    lanes = [Lane(program, 0.1, seed) for program in range(3) for seed in (0, 1)]
    traces = run(texts, lanes)
    assert [trace.fate for trace in traces] == [Fate.FINISHED] * 2 + [Fate.CRASH] * 2 + [Fate.FINISHED] * 2
    assert traces[2].error == "RuntimeError: no cube root today"
    assert len(calls) == 15
    assert all(same(a, b) for a, b in zip(traces[:2], traces[4:], strict=True))


def test_no_step_begins_after_the_deadline(rules: dict[str, str]) -> None:
    training = train(
        DIGITS,
        [parse(rules["sgd"])],
        [Lane(0, 0.1, 0)],
        steps=10,
        hopeless=1.2,
        device=CPU,
        deadline=time.monotonic() - 1,
    )
    (trace,) = training.traces
    assert (trace.fate, len(trace.losses)) == (Fate.TIMEOUT, 0)


def test_the_time_of_a_call_is_shared_out_among_its_programs(rules: dict[str, str]) -> None:
    started = time.perf_counter()
    training = train(
        DIGITS,
        [parse(rules["sgd"]), parse(rules["adamw"])],
        [Lane(0, 0.1, 0), Lane(1, 0.01, 0)],
        steps=20,
        hopeless=1.2,
        device=CPU,
    )
    assert set(training.seconds) == {0, 1}
    assert min(training.seconds.values()) > 0
    assert sum(training.seconds.values()) <= time.perf_counter() - started
