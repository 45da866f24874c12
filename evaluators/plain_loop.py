"""The training loop that anybody would write: modules of `torch.nn`, an optimizer of `torch.optim`, one run at a time.

What engines are measured against. A model computes what its description says, with the fastest module that torch has
for it; examples come first, as everywhere in torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluators.models import layers as kinds
from evaluators.models.layers import Layer, Shape
from evaluators.models.losses import CrossEntropy
from evaluators.schedule import multiplier
from evaluators.tasks.task import Task, to_tensor

ADAMW, MUON = "adamw", "muon"
SEED = 0
"""Of the initial weights and the order of the examples."""


class PlainLoop:
    """One run of a task, `steps` at a time.

    Args:
        task: A task with a model.
        optimizer: `adamw`, or `muon`: `torch.optim.Muon` for matrices and AdamW for all else.
        learning_rate: Peak of the schedule.
        steps: Length of the run.
        device: Where to run.

    Raises:
        ValueError: The task has no model.
    """

    def __init__(
        self, task: Task, optimizer: str, learning_rate: float, steps: int, device: torch.device | None = None
    ) -> None:
        if task.model is None:
            raise ValueError(f"The task {task.name} has no model.")
        device = device or torch.device("cpu")
        self._model = task.model
        self._module = _sequence(task.model.layers, task.model.shapes[0])
        with torch.no_grad():
            _fill(self._module, [view[0] for view in task.views(torch.tensor(task.initial_weights(SEED))[None])])
        self._module.to(device)
        self._optimizers = _optimizers(self._module, optimizer, learning_rate)
        self._rate, self._steps, self._done = learning_rate, steps, 0
        order, train = task.batches(SEED, steps), task.data.train
        self._inputs = to_tensor(train.inputs[order], device)
        self._targets = to_tensor(train.targets[order], device)

    def run(self, steps: int) -> Tensor:
        """So many steps more, beginning anew where the run is over; the last loss."""
        loss = torch.zeros(())
        for _ in range(steps):
            row = self._done % self._steps
            for optimizer in self._optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = self._rate * multiplier(row + 1, self._steps)
                optimizer.zero_grad()
            loss = self.loss(self._inputs[row], self._targets[row])
            loss.backward()  # type: ignore[no-untyped-call]
            for optimizer in self._optimizers:
                optimizer.step()
            self._done += 1
        return loss.detach()

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Of a batch: examples as the task has them, `(batch, ...)`."""
        output = self._module(inputs)
        criterion = self._model.criterion
        if not isinstance(criterion, CrossEntropy):
            return functional.mse_loss(output, targets.view_as(output))
        return functional.cross_entropy(output.flatten(0, -2), targets.flatten(), label_smoothing=criterion.smoothing)


def _optimizers(module: nn.Module, name: str, rate: float) -> list[torch.optim.Optimizer]:
    parameters = list(module.parameters())
    if name == ADAMW:
        return [torch.optim.AdamW(parameters, lr=rate)]
    matrices = [parameter for parameter in parameters if parameter.dim() == 2]
    others = [parameter for parameter in parameters if parameter.dim() != 2]
    found: list[torch.optim.Optimizer] = [torch.optim.Muon(matrices, lr=rate)]
    return [*found, torch.optim.AdamW(others, lr=rate)] if others else found


class _Residual(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        """`x + inner(x)`."""
        change: Tensor = self.inner(x)
        return x + change


class _Positions(nn.Module):
    def __init__(self, layer: kinds.Positions) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(layer.positions, layer.width))

    def forward(self, x: Tensor) -> Tensor:
        """Added to each position."""
        return x + self.weight


class _Attention(nn.Module):
    def __init__(self, layer: kinds.Attention) -> None:
        super().__init__()
        self.heads, self.causal = layer.heads, layer.causal
        self.entry = nn.Linear(layer.width, 3 * layer.width, bias=False)
        self.output = nn.Linear(layer.width, layer.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, positions, width)`."""
        split = self.entry(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = split.unbind(0)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=self.causal)
        y: Tensor = self.output(mixed.transpose(1, 2).flatten(2))
        return y


class _Recurrent(nn.Module):
    def __init__(self, layer: kinds.Gru | kinds.Lstm) -> None:
        super().__init__()
        kind = nn.GRU if isinstance(layer, kinds.Gru) else nn.LSTM
        self.inner, self.last = kind(layer.inputs, layer.hidden, batch_first=True), layer.last

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, positions, hidden)`."""
        states: Tensor = self.inner(x)[0]
        return states[:, -1:] if self.last else states


class _Convolution(nn.Module):
    def __init__(self, layer: kinds.Conv) -> None:
        super().__init__()
        kind: Callable[..., nn.Module] = nn.Conv1d if len(layer.grid) == 1 else nn.Conv2d
        self.grid = layer.grid
        self.inner = kind(layer.inputs, layer.outputs, layer.kernel, layer.stride, layer.padding)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, positions, outputs)`, in memory as torch's convolutions have it."""
        y: Tensor = self.inner(x.transpose(1, 2).reshape(len(x), -1, *self.grid))
        return y.flatten(2).transpose(1, 2)


class _Flatten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """One position; the numbers of a feature stay together."""
        return x.transpose(1, 2).flatten(1).unsqueeze(1)


class _MeanPool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        """One position."""
        return x.mean(1, keepdim=True)


class _WithPositions(nn.Module):
    def __init__(self, features: int, positions: int, *, whole: bool) -> None:
        super().__init__()
        self.shape = (positions,) if whole else (positions, features)

    def forward(self, x: Tensor) -> Tensor:
        """Examples `(batch, positions, ...)`, in the same memory."""
        return x.reshape(len(x), *self.shape)


def _sequence(layers: Sequence[Layer], shape: Shape) -> nn.Module:
    whole = isinstance(layers[0], kinds.Embedding)
    return nn.Sequential(_WithPositions(*shape, whole=whole), *map(_module, layers))


def _module(layer: Layer) -> nn.Module:
    match layer:
        case kinds.Embedding():
            return nn.Embedding(layer.symbols, layer.width)
        case kinds.Positions():
            return _Positions(layer)
        case kinds.Linear():
            return nn.Linear(layer.inputs, layer.outputs, layer.bias)
        case kinds.LayerNorm():
            return nn.LayerNorm(layer.features)
        case kinds.RmsNorm():
            return nn.RMSNorm(layer.features, eps=1e-5)
        case kinds.Attention():
            return _Attention(layer)
        case kinds.Gru() | kinds.Lstm():
            return _Recurrent(layer)
        case kinds.Conv():
            return _Convolution(layer)
        case kinds.Residual():
            return _Residual(nn.Sequential(*map(_module, layer.layers)))
    plain: dict[type[Layer], Callable[[], nn.Module]] = {
        kinds.Relu: nn.ReLU,
        kinds.Gelu: lambda: nn.GELU("tanh"),
        kinds.Tanh: nn.Tanh,
        kinds.Flatten: _Flatten,
        kinds.MeanPool: _MeanPool,
    }
    return plain[type(layer)]()


def _fill(module: nn.Module, rest: list[Tensor]) -> None:
    """Take what a module holds from the front of the list."""

    def take(count: int) -> Tensor:
        taken = [rest.pop(0) for _ in range(count)]
        return torch.cat([tensor.flatten() for tensor in taken])

    match module:
        case _Attention():
            for weight, count in ((module.entry.weight, 3), (module.output.weight, 1)):
                weight.copy_(take(count).view_as(weight))
        case nn.GRU() | nn.LSTM():
            gates = 3 if isinstance(module, nn.GRU) else 4
            by_input, by_state, bias, bias_state = module.parameters(recurse=False)
            for weight in (by_input, by_state):
                weight.copy_(take(gates).view_as(weight))
            bias.copy_(take(gates))
            bias_state.zero_()
            if gates == 3:
                bias_state[-module.hidden_size :].copy_(take(1))
        case nn.Linear() | nn.Embedding() | nn.LayerNorm() | nn.RMSNorm() | nn.Conv1d() | nn.Conv2d() | _Positions():
            for weight in module.parameters(recurse=False):
                weight.copy_(take(1).view_as(weight))
        case _:
            for child in module.children():
                _fill(child, rest)
