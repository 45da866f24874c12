r"""First122: a PyTorch optimizer, exported by Savanna from the rule `candidate`.

    def candidate(g, m, lr, *, beta=0.8):
        m = beta * m + g
        return orthogonalize(g + beta * m) * lr, m

It computes what is subtracted from the weights `w`, given their gradient `g`, and the next value of each state; states
start at zero. `m` adds up the gradient, after keeping the share `beta` of itself. Gradients that are all larger by one
factor give the same steps. From step to step it keeps 1 number per weight.

    \begin{gathered}
    m_{t} = \beta \cdot m_{t-1} + g_t \\
    w_t = w_{t-1} - \operatorname{orthogonalize}\left(g_t + \beta \cdot m_{t}\right) \cdot \eta_t \\
    \end{gathered}

Learning rate. On random gradients its steps are about as long as AdamW's: begin with AdamW's. This is arithmetic, not a
measurement: tune it.

Whether parameters may be sharded (FSDP2): no, the rule looks at whole tensors (orthogonalize).

Certificate: certificate.md
"""

import math
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.optim.optimizer import ParamsT


def orthogonalize(x: Tensor) -> Tensor:
    """Push the singular values of `x` towards 1, as a matrix of its first axis by all others; a vector is one row.

    5 Newton-Schulz steps, as in Muon (Jordan et al. 2024).
    """
    a, b, c = 3.4445, -4.775, 2.0315
    matrix = x.flatten(1) if x.dim() > 1 else x.reshape(1, -1)
    tall = matrix.shape[0] > matrix.shape[1]
    y = matrix.mT if tall else matrix
    y = y / (torch.sqrt(torch.square(y).sum()) + 1e-7)
    for _ in range(5):
        gram = y @ y.mT
        y = a * y + (b * gram + c * gram @ gram) @ y
    return (y.mT if tall else y).reshape(x.shape)


def candidate_update(g: Tensor, m: Tensor, lr: float, *, beta: float = 0.8) -> tuple[Tensor, ...]:
    """What to subtract from the weights of one parameter, then the next value of each state."""
    m = beta * m + g
    return orthogonalize(g + beta * m) * lr, m


def one_by_one(ws: list[Tensor], gs: list[Tensor], *kept: list[Tensor], **numbers: Any) -> None:
    """Update parameters and their states in place, one after another."""
    for w, g, *states in zip(ws, gs, *kept, strict=True):
        update, *nexts = candidate_update(g, *states, **numbers)
        for state, value in zip(states, nexts, strict=True):
            state.copy_(value)
        w.sub_(update)


@cache
def fused() -> Callable[..., None]:
    """`one_by_one`, compiled: all parameters of a group in one function."""
    return torch.compile(one_by_one)


class First122(torch.optim.Optimizer):
    """Applies `candidate_update` to every parameter.

    Args:
        params: Parameters to train, or groups of them with settings of their own.
        lr: Learning rate, not negative; schedulers may change it.
        beta: Constants of the rule, by default as it was found.
        fused: Whether to compile the update (`torch.compile`): the first step takes long, the rest little.

    Attributes:
        shardable: Whether parameters may be sharded (FSDP2): no, the rule looks at whole tensors (orthogonalize).
    """

    shardable = False

    def __init__(self, params: ParamsT, lr: float, *, beta: float = 0.8, fused: bool = False) -> None:
        defaults = {"lr": lr, "beta": beta, "fused": fused}
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own, which are checked like those of the constructor."""
        limits = {"lr": (0, math.inf), "beta": (-math.inf, math.inf)}
        for name, (low, high) in limits.items():
            value = float(param_group.get(name, self.defaults[name]))
            if not (math.isfinite(value) and low <= value <= high):
                raise ValueError(f"{name} must be a finite number from {low} to {high}, not {value}")
        super().add_param_group(param_group)

    def _batches(self) -> Iterator[tuple[dict[str, Any], list[Tensor], dict[str, Any]]]:
        """Parameters that are updated together, with their group and numbers. The first step of one makes its state."""
        for group in self.param_groups:
            batches: dict[Any, list[Tensor]] = {}
            for p in group["params"]:
                if p.grad is None or p.numel() == 0:
                    continue
                if p.grad.layout is not torch.strided or p.is_complex():
                    raise RuntimeError("First122 supports neither sparse gradients nor complex parameters")
                if hasattr(p, "to_local"):
                    raise RuntimeError("First122 looks at whole tensors and cannot train sharded ones (FSDP2)")
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                batches.setdefault((p.device, p.dtype), []).append(p)
            numbers: dict[str, Any] = {name: float(group[name]) for name in ("lr", "beta")}
            for batch in batches.values():
                yield group, batch, numbers

    @torch.compiler.disable
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """Update every parameter that has a gradient. A `closure` first computes the loss anew, which is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group, params, numbers in self._batches():
            states = [self.state[p] for p in params]
            lists = [params, [p.grad for p in params], [state["m"] for state in states]]
            if group["fused"]:
                numbers["lr"] = torch.tensor(numbers["lr"], dtype=torch.float64)
                fused()(*lists, **numbers)
            else:
                one_by_one(*lists, **numbers)
        return loss
