"""What torch asks of its own optimizers, asked of exported ones."""

from __future__ import annotations

import copy
import importlib
import io
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import Parameter

import exported
from exported import (
    LR,
    RULES,
    assert_close,
    flat,
    load,
    optimizer_class,
    parameters,
    required,
    set_gradients,
    step_arguments,
)
from programs import zoo
from programs.export import export
from programs.ops import OPS, Shape
from programs.parse import parse

SHARDED = Path(__file__).parents[1] / "support" / "sharded.py"
PATHS = [{"foreach": True}, {"foreach": False}]


def steps(optimizer: Any, params: list[Parameter], first: int, last: int) -> None:
    for step in range(first, last + 1):
        set_gradients(params, step)
        optimizer.step()


class Net(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(x)
        return out


def backward(net: torch.nn.Module, x: torch.Tensor, scale: float = 1.0) -> torch.Tensor:
    loss: torch.Tensor = net(x).square().mean() * scale
    torch.autograd.backward(loss)
    return loss


@pytest.mark.parametrize("name", ["adagrad_norm", "adam", "lamb", "nadam", "sgd"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_lists_give_what_one_tensor_after_another_gives(name: str, dtype: torch.dtype) -> None:
    program = parse(RULES[name])
    lists, single = (exported.trained(program, steps=6, dtype=dtype, foreach=foreach) for foreach in (True, False))
    assert_close(lists, single, rtol=torch.finfo(dtype).eps * 16)


@pytest.mark.parametrize("rule", ["adamw", "lion", "lamb", "adagrad_norm"])
def test_lists_are_cut_where_the_cache_ends_and_nothing_changes(rule: str) -> None:
    shapes = [(5,), (7, 3), (), (2,), (11,), (1, 4), (40,)]
    trained = []
    for most in (2**16, 8):
        module = load(export(parse(RULES[rule]), class_name="Exported"))
        module.CACHED = most  # type: ignore[attr-defined]
        params = parameters(shapes)
        steps(module.Exported(params, lr=LR), params, 1, 3)
        trained.append(flat(params))
    assert torch.equal(*trained)


def test_a_large_parameter_is_cut_only_where_no_weight_looks_at_another() -> None:
    sources = {rule: export(parse(RULES[rule])) for rule in ("adamw", "lamb", "constant_state")}
    assert ["cut(tensors)" in source for source in sources.values()] == [True, False, False]


@pytest.mark.parametrize("setting", PATHS)
def test_tensors_that_are_not_contiguous_are_updated_in_place(setting: dict[str, bool]) -> None:
    module = load(export(zoo.load("adamw"), class_name="Exported"))
    module.CACHED = 4  # type: ignore[attr-defined]
    plain = Parameter(torch.arange(12.0).reshape(3, 4))
    turned = Parameter(torch.arange(12.0).reshape(3, 4).t().contiguous().t())
    wide = Parameter(torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last))
    same = Parameter(wide.detach().contiguous())
    params = [plain, turned, wide, same]
    optimizer = module.Exported(params, lr=LR, **setting)
    for step in range(1, 4):
        generator = torch.Generator().manual_seed(step)
        gradients = [torch.randn(shape, generator=generator) for shape in ((3, 4), (2, 3, 4, 5))]
        for p, gradient in zip(params, [gradients[0]] * 2 + [gradients[1]] * 2, strict=True):
            p.grad = gradient.clone()
        optimizer.step()
    assert_close(plain, turned, rtol=1e-6)
    assert_close(wide, same, rtol=1e-6)


@pytest.mark.parametrize("setting", PATHS)
def test_types_and_step_counts_may_differ_within_a_group(setting: dict[str, bool]) -> None:
    make = optimizer_class(RULES["adamw"])
    together = [*parameters([(3,), (4, 2)]), *parameters([(5,)], torch.float32)]
    apart = [Parameter(p.detach().clone()) for p in together]
    grouped = make(together, lr=LR, **setting)
    separate = [make([p], lr=LR, **setting) for p in apart]
    for step in range(1, 5):
        set_gradients(together, step)
        set_gradients(apart, step)
        if step % 2:
            together[1].grad = apart[1].grad = None
        for optimizer in [grouped, *separate]:
            optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(together, apart, strict=True))
    assert [grouped.state[p]["step"] for p in together] == [4, 2, 4]


def test_an_infinite_gradient_does_to_a_momentum_what_the_rule_says() -> None:
    p = Parameter(torch.zeros(2))
    optimizer = optimizer_class(RULES["lion"])([p], lr=LR)
    for gradient in ([np.inf, 1.0], [-1.0, 1.0]):
        p.grad = torch.tensor(gradient)
        optimizer.step()
    assert optimizer.state[p]["m"][0] == np.inf
    assert torch.isfinite(p).all()


def test_a_copy_of_an_optimizer_continues_identically_on_the_same_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "copied_rule.py").write_text(export(zoo.load("adamw"), class_name="Exported"), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    params = parameters()
    optimizer = importlib.import_module("copied_rule").Exported(params, lr=LR, foreach=False)
    steps(optimizer, params, 1, 3)
    twins = [copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))]  # noqa: S301 - made here
    steps(optimizer, params, 4, 6)
    for twin in twins:
        copied = twin.param_groups[0]["params"]
        assert twin.param_groups[0]["foreach"] is False
        steps(twin, copied, 4, 6)
        assert torch.equal(flat(params), flat(copied))


def test_a_state_dict_goes_through_a_file_of_weights_only() -> None:
    params = parameters()
    optimizer = optimizer_class(RULES["adamw"])(params, lr=LR)
    steps(optimizer, params, 1, 2)
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    assert saved["param_groups"] == optimizer.state_dict()["param_groups"]
    assert torch.equal(saved["state"][1]["m"], optimizer.state[params[1]]["m"])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("device", ["cpu", *["cuda"] * torch.cuda.is_available()])
def test_a_state_dict_follows_its_parameters_to_another_type_and_device(device: str, dtype: torch.dtype) -> None:
    params = parameters()
    make = optimizer_class(RULES["adamw"])
    optimizer = make(params, lr=LR)
    steps(optimizer, params, 1, 2)
    moved = [Parameter(p.detach().to(device, dtype)) for p in params]
    resumed = make(moved, lr=LR)
    resumed.load_state_dict(optimizer.state_dict())
    for p in moved:
        assert (resumed.state[p]["v"].dtype, resumed.state[p]["v"].device.type) == (dtype, device)
        p.grad = torch.ones_like(p)
    resumed.step()
    assert all(resumed.state[p]["step"] == 3 for p in moved)


def test_the_learning_rate_may_be_a_tensor_which_a_scheduler_changes() -> None:
    trained = []
    for rate in (0.1, torch.tensor(0.1, dtype=torch.float64)):
        params = parameters()
        optimizer = optimizer_class(RULES["adamw"])(params, lr=rate)
        scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        for step in range(1, 4):
            set_gradients(params, step)
            optimizer.step()
            scheduler.step()
        trained.append(flat(params))
    assert_close(trained[0], trained[1])


def test_a_gradient_scaler_unscales_and_skips_what_overflowed() -> None:
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    scaled, plain = Net(), Net()
    plain.load_state_dict(scaled.state_dict())
    make = optimizer_class(RULES["adamw"])
    optimizer, other = make(scaled.parameters(), lr=LR), make(plain.parameters(), lr=LR)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(4):
        for each in (optimizer, other):
            each.zero_grad()
        backward(scaled, x, scaler.scale(torch.ones(())).item())
        backward(plain, x)
        if step == 1:
            scaled.layer.weight.grad[0, 0] = torch.inf  # type: ignore[index]
        else:
            other.step()
        scaler.step(optimizer)
        scaler.update()
    assert_close(scaled.layer.weight, plain.layer.weight, rtol=1e-5)
    assert optimizer.state[scaled.layer.weight]["step"] == 3


def test_accumulated_gradients_are_those_of_the_whole_batch() -> None:
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    whole, parts = Net(), Net()
    parts.load_state_dict(whole.state_dict())
    make = optimizer_class(RULES["lion"])
    for net, batches in ((whole, [x]), (parts, [x[:4], x[4:]])):
        optimizer = make(net.parameters(), lr=LR)
        for _ in range(3):
            optimizer.zero_grad()
            for batch in batches:
                backward(net, batch, len(batch) / 8)
            optimizer.step()
    assert_close(whole.layer.weight, parts.layer.weight, rtol=1e-5)


def test_hooks_run_before_and_after_a_step() -> None:
    p = Parameter(torch.ones(2))
    optimizer = optimizer_class(RULES["sgd"])([p], lr=0.5)
    seen = []
    optimizer.register_step_pre_hook(lambda *_: seen.append(p.tolist()))
    optimizer.register_step_post_hook(lambda *_: seen.append(p.tolist()))
    p.grad = torch.ones(2)
    optimizer.step()
    assert seen == [[1, 1], [0.5, 0.5]]


def test_mistakes_of_a_user_are_refused_as_by_every_optimizer() -> None:
    make = optimizer_class(RULES["adamw"])
    p = Parameter(torch.ones(2))
    with pytest.raises(ValueError, match="empty parameter list"):
        make([], lr=LR)
    with pytest.raises(TypeError, match="iterable"):
        make(p, lr=LR)
    with pytest.raises(ValueError, match="more than one parameter group"):
        make([p], lr=LR).add_param_group({"params": p})
    complex_p = Parameter(torch.ones(2, dtype=torch.complex64))
    complex_p.grad = torch.ones_like(complex_p)
    with pytest.raises(RuntimeError, match="complex parameters"):
        make([complex_p], lr=LR).step()
    assert "weight_decay: 0.01" in repr(make([p], lr=LR))


@pytest.mark.parametrize("name", ["adamw", "lion", "muon", "lamb", "shampoo", "prodigy"])
def test_a_step_does_not_depend_on_what_trained_before(name: str) -> None:
    """Two optimizers of one class share nothing."""
    program = parse(RULES[name])
    make = optimizer_class(program)
    alone, beside, other = parameters(), parameters(), parameters()
    settings = required(program, LR, 3)
    first, second, third = make(alone, **settings), make(beside, **settings), make(other, **settings)
    for step in range(1, 4):
        for params, optimizer in ((alone, first), (other, third), (beside, second)):
            set_gradients(params, step if params is not other else step + 9)
            optimizer.step(**step_arguments(program, step))
    assert torch.equal(flat(alone), flat(beside))


@pytest.mark.parametrize("name", RULES)
def test_a_rule_may_be_sharded_where_no_weight_looks_at_another(name: str) -> None:
    program = parse(RULES[name])
    source = export(program, class_name="Exported")
    elementwise = all(OPS[instr.op].shape is Shape.ELEMENTWISE or instr.op == "axes" for instr in program.body)
    assert load(source).Exported.shardable is elementwise
    assert f"(FSDP2): {'yes' if elementwise else 'no'}" in source


@pytest.mark.parametrize("name", ["adamw", "lamb"])
def test_it_trains_in_several_processes_as_in_one(name: str, tmp_path: Path) -> None:
    file = tmp_path / "rule.py"
    file.write_text(export(zoo.load(name), class_name="Exported"), encoding="utf-8")
    commands = [[sys.executable, str(SHARDED), str(file), str(tmp_path), str(rank)] for rank in (0, 1)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, **pipes) for command in commands]  # type: ignore[call-overload]
    answers = [process.communicate(timeout=240) for process in running]
    assert [process.returncode for process in running] == [0, 0], answers
    for text, _ in answers:
        found = json.loads(text.strip().splitlines()[-1])
        assert found["ddp"] < 1e-5
        if name == "adamw":
            assert found["fsdp"] < 1e-5
        else:
            assert "cannot train sharded ones (FSDP2)" in found["refused"]


@pytest.mark.filterwarnings("ignore")  # what torch.compile says about itself
def test_a_compiled_training_step_and_the_compiled_path_train_as_the_others() -> None:
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(0))
    nets = [Net() for _ in range(3)]
    make = optimizer_class(RULES["adamw"])
    settings: list[dict[str, bool]] = [{}, {}, {"fused": True}]
    start = copy.deepcopy(nets[0].state_dict())
    for place, (net, setting) in enumerate(zip(nets, settings, strict=True)):
        net.load_state_dict(start)
        optimizer = make(net.parameters(), lr=LR, **setting)

        def train(net: Net = net, optimizer: Any = optimizer) -> None:
            optimizer.zero_grad()
            backward(net, x)
            optimizer.step()

        step = torch.compile(train) if place == 1 else train
        for _ in range(4):
            step()
    assert_close(nets[0].layer.weight, nets[1].layer.weight, rtol=1e-5)
    assert_close(nets[0].layer.weight, nets[2].layer.weight, rtol=1e-5)


@pytest.mark.parametrize(("name", "fused"), [("adamw", True), ("lion", True), ("muon", False), ("dog", False)])
def test_the_compiled_path_is_offered_where_torch_can_compile_it(name: str, *, fused: bool) -> None:
    assert ("fused: bool = False" in export(zoo.load(name))) is fused


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("sgd", lambda p: torch.optim.SGD(p, lr=LR)),
        ("momentum", lambda p: torch.optim.SGD(p, lr=LR, momentum=0.9)),
        ("nesterov", lambda p: torch.optim.SGD(p, lr=LR, momentum=0.9, nesterov=True)),
        ("adagrad", lambda p: torch.optim.Adagrad(p, lr=LR)),
        ("adam", lambda p: torch.optim.Adam(p, lr=LR)),
        ("adamax", lambda p: torch.optim.Adamax(p, lr=LR)),
        ("nadam", lambda p: torch.optim.NAdam(p, lr=LR)),
    ],
)
def test_known_rules_do_what_those_of_torch_do(name: str, theirs: Any) -> None:
    ours, others = parameters(), parameters()
    optimizers = [optimizer_class(RULES[name])(ours, lr=LR), theirs(others)]
    for step in range(1, 21):
        set_gradients(ours, step)
        set_gradients(others, step)
        for optimizer in optimizers:
            optimizer.step()
    assert_close(flat(ours), flat(others), rtol=1e-9)
