"""The torch meanings of the table: the only file of this package that imports torch."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor

from programs.layout import Layout
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS
from programs.ops import OPS

Number = Tensor | float


def _number(value: float, dtype: torch.dtype) -> Tensor:
    """A tensor without axes, on the CPU: every device takes it, and nothing waits. Too large becomes infinite."""
    return torch.tensor(value, dtype=dtype)


def _tensors(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let a torch function that wants tensors only take floats as well, as long as one argument is a tensor."""

    def apply(*args: Number) -> Tensor:
        dtype = next(arg.dtype for arg in args if isinstance(arg, Tensor))
        return function(*(arg if isinstance(arg, Tensor) else _number(arg, dtype) for arg in args))

    return apply


def _div(x: Number, y: Number) -> Tensor:
    if isinstance(x, float) and isinstance(y, Tensor):
        # Torch would multiply by the reciprocal, which overflows where the quotient does not.
        return _number(x, y.dtype) / y
    return x / y  # type: ignore[return-value]  # one of them is a tensor


def _greater(x: Tensor, y: Tensor) -> Tensor:
    return torch.gt(x, y).to(x.dtype)


def _orthogonalize(x: Tensor) -> Tensor:
    a, b, c = NEWTON_SCHULZ
    tall = x.shape[-2] > x.shape[-1]
    y = x.mT if tall else x
    norm = torch.sqrt(torch.square(y).sum(dim=(-2, -1), keepdim=True))
    y = y / (norm + NEWTON_SCHULZ_EPS)
    for _ in range(NEWTON_SCHULZ_STEPS):
        gram = y @ y.mT
        y = a * y + (b * gram + c * gram @ gram) @ y
    return y.mT if tall else y


MEANINGS: dict[str, Callable[..., Tensor]] = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": _div,
    "power": torch.pow,
    "neg": torch.neg,
    "reciprocal": torch.reciprocal,
    "interp": lambda x, y, a: (1.0 - a) * x + a * y,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "cube": lambda x: x * x * x,
    "cbrt": lambda x: torch.copysign(torch.pow(torch.abs(x), 1 / 3), x),
    "abs": torch.abs,
    "sign": torch.sign,
    "maximum": _tensors(torch.maximum),
    "minimum": _tensors(torch.minimum),
    "clip": _tensors(lambda x, low, high: torch.minimum(torch.maximum(x, low), high)),
    "greater": _tensors(_greater),
    "where": _tensors(lambda condition, x, y: torch.where(condition != 0, x, y)),
    "exp": torch.exp,
    "exp2": torch.exp2,
    "exp10": lambda x: torch.pow(10.0, x),
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "arcsin": torch.asin,
    "arccos": torch.acos,
    "arctan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "arcsinh": torch.asinh,
    "arccosh": torch.acosh,
    "arctanh": torch.atanh,
    "mean": lambda x: x.mean(-1),
    "rms": lambda x: torch.sqrt(torch.square(x).mean(-1)),
    "std": lambda x: x.std(-1, correction=0),
    "norm": lambda x: torch.sqrt(torch.square(x).sum(-1)),
    "max": lambda x: x.amax(-1),
    "min": lambda x: x.amin(-1),
    "dot": lambda x, y: (x * y).sum(-1),
    "orthogonalize": _orthogonalize,
}


class TorchBackend:
    """Runs programs on torch tensors of any device and floating-point type."""

    def elementwise(self, op: str) -> Callable[..., Tensor]:
        return MEANINGS[op]

    reduction = elementwise
    matrix = elementwise

    def spread(self, value: Tensor, layout: Layout) -> Tensor:
        return value[:, _segments(layout, value.device)]

    def stack(self, columns: list[Tensor]) -> Tensor:
        return torch.stack(columns, dim=1)

    def join(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, dim=1)

    def reshape(self, value: Tensor, shape: tuple[int, ...]) -> Tensor:
        return value.reshape(shape)

    def fill(self, value: float, like: Tensor, columns: int) -> Tensor:
        return _number(value, like.dtype).to(like.device).expand(like.shape[0], columns).clone()


@lru_cache(maxsize=64)
def _segments(layout: Layout, device: torch.device) -> Tensor:
    """The index of the parameter tensor that each weight belongs to, shape `(size,)`."""
    sizes = torch.tensor(layout.sizes, device=device)
    return torch.repeat_interleave(torch.arange(len(layout.sizes), device=device), sizes)


TORCH = TorchBackend()

assert MEANINGS.keys() == OPS.keys(), "every row of the table has a torch meaning"
