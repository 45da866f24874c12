"""The torch meanings of the table: the only file of this package that imports torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import torch
from torch import Tensor

from programs.kinds import Kind
from programs.layout import Layout, spread_index
from programs.matrix import NEWTON_SCHULZ, NEWTON_SCHULZ_EPS, NEWTON_SCHULZ_STEPS
from programs.ops import OPS, Shape

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


def _eigh(x: Tensor) -> tuple[Tensor, Tensor]:
    try:
        values, vectors = torch.linalg.eigh(x)
    except RuntimeError:  # the error of torch.linalg is one
        if len(x) == 1:
            return x.new_full(x.shape[:-1], torch.nan), torch.full_like(x, torch.nan)
        each = [_eigh(x[lane : lane + 1]) for lane in range(len(x))]
        return torch.cat([values for values, _ in each]), torch.cat([vectors for _, vectors in each])
    return values, vectors


def _inverse_root(x: Tensor, p: Number, eps: Number) -> Tensor:
    finite = torch.isfinite(x).all(-1, keepdim=True).all(-2, keepdim=True)
    kept = torch.where(finite, x, 0.0)
    _, exponent = torch.frexp(_max(kept.abs().flatten(-2)))
    scale = torch.exp2(exponent.to(x.dtype) - 1)[..., None]
    values, vectors = _eigh(kept / scale[..., None])
    powers = torch.pow(
        torch.clamp(values * scale, min=0.0) + eps, -1.0 / torch.as_tensor(p, dtype=x.dtype, device=x.device)
    )
    return torch.where(finite, (vectors * powers[..., None, :]) @ vectors.mT, torch.nan)


def _or_nan(reduce: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: reduce(x) if x.shape[-1] else x.new_full(x.shape[:-1], torch.nan)


def _norm(x: Tensor) -> Tensor:
    return torch.sqrt(torch.square(x).sum(-1))


def _dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum(-1)


def _sum(x: Tensor) -> Tensor:
    return x.sum(-1)


def _mean(x: Tensor) -> Tensor:
    return x.mean(-1)


def _rms(x: Tensor) -> Tensor:
    return torch.sqrt(torch.square(x).mean(-1))


_std = _or_nan(lambda x: x.std(-1, correction=0))
_max = _or_nan(lambda x: x.amax(-1))
_min = _or_nan(lambda x: x.amin(-1))

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
    "floor": torch.floor,
    "sum": _sum,
    "mean": _mean,
    "rms": _rms,
    "std": _std,
    "norm": _norm,
    "max": _max,
    "min": _min,
    "dot": _dot,
    "row_mean": _mean,
    "row_norm": _norm,
    "row_max": _max,
    "column_mean": _mean,
    "column_norm": _norm,
    "column_max": _max,
    "global_sum": _sum,
    "global_mean": _mean,
    "global_norm": _norm,
    "global_max": _max,
    "global_min": _min,
    "global_dot": _dot,
    "cosine_sim": lambda x, y: _dot(x, y) / (_norm(x) * _norm(y)),
    "clip_by_global_norm": lambda x, most: x * torch.clamp(_div(most, _norm(x)[:, None]), max=1.0),
    "transpose": lambda x: x.mT,
    "matmul": torch.matmul,
    "orthogonalize": _orthogonalize,
    "inverse_root": _inverse_root,
}


class TorchBackend:
    """Runs programs on torch tensors of any device and floating-point type."""

    def meaning(self, op: str) -> Callable[..., Tensor]:
        return MEANINGS[op]

    def spread(self, value: Tensor, layout: Layout, kind: Kind, wide: Kind) -> Tensor:
        return value[:, _index(layout, kind, wide, value.device)]

    def join(self, parts: list[Tensor]) -> Tensor:
        return torch.cat(parts, dim=1)

    def reshape(self, value: Tensor, shape: tuple[int, ...]) -> Tensor:
        return value.reshape(shape)

    def transpose(self, value: Tensor) -> Tensor:
        return value.mT

    def row(self, values: Sequence[float], like: Tensor) -> Tensor:
        return torch.tensor([values], dtype=like.dtype).to(like.device).repeat(len(like), 1)


@lru_cache(maxsize=256)
def _index(layout: Layout, kind: Kind, wide: Kind, device: torch.device) -> Tensor:
    return torch.from_numpy(spread_index(layout, kind, wide)).to(device)


TORCH = TorchBackend()

assert MEANINGS.keys() == {op.name for op in OPS.values() if op.shape is not Shape.SIZE}, (
    "every row has a torch meaning"
)
