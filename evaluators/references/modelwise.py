"""Formulas of rules that look at a whole tensor, at the whole model, at the loss or at the curvature."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from evaluators.references.elementwise import adam_step
from evaluators.references.reference import Hypers, Memory, Moment, State


def inner(xs: Sequence[Tensor], ys: Sequence[Tensor]) -> float:
    """The inner product of two whole models."""
    return math.fsum(float(torch.sum(x * y)) for x, y in zip(xs, ys, strict=True))


def gravity(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Bahrami and Pourkamali Zadeh 2021, algorithm 1, the velocity starting at zero."""
    m = 1 / g.abs().max()
    share = (h.beta * at.t + 1) / (at.t + 2)
    s["v"] = share * s.get("v", 0.0) + (1 - share) * g / (1 + (g / m) ** 2)
    return w - at.lr * s["v"]


def sgd_sai(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Xu et al. 2024, algorithm 1, without the common factor."""
    if at.t == 1:
        s["rate"] = g.norm() / (g.std() + h.eps) if g.dim() > 1 else g.norm()
    s["m"] = h.beta * s.get("m", 0.0) + (1 - h.beta) * g
    return w - at.lr * h.weight_decay * w - at.lr * s["rate"] * s["m"]


def lars(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """You et al. 2017, algorithm 1."""
    local = h.trust * w.norm() / (g.norm() + h.weight_decay * w.norm())
    s["v"] = h.beta * s.get("v", 0.0) + at.lr * local * (g + h.weight_decay * w)
    return w - s["v"]


def lamb(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """You et al. 2020, algorithm 2."""
    r = adam_step(g, s, at, h) + h.weight_decay * w
    return w - at.lr * w.norm() / r.norm() * r


def adafactor(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Shazeer and Stern 2018, algorithms 4 and 5, on the matrix of a kernel; with decoupled weight decay."""
    beta = 1 - at.t**-h.decay
    x = g.reshape(len(g), -1) if g.dim() > 1 else g
    squares = x**2 + h.eps1
    if x.dim() > 1:
        s["r"] = beta * s.get("r", 0.0) + (1 - beta) * squares.sum(1)
        s["c"] = beta * s.get("c", 0.0) + (1 - beta) * squares.sum(0)
        v = torch.outer(s["r"], s["c"]) / s["r"].sum()
    else:
        s["v"] = v = beta * s.get("v", 0.0) + (1 - beta) * squares
    u = (x / torch.sqrt(v)).reshape(g.shape)
    u = u / max(1.0, math.sqrt(float((u**2).mean())) / h.clipping)
    rate = max(h.eps2, math.sqrt(float((w**2).mean()))) * min(at.lr, at.t**-0.5)
    return w - at.lr * h.weight_decay * w - rate * u


def adagrad_norm(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Ward et al. 2019, algorithm 1."""
    s["b2"] = s.get("b2", h.b0**2) + inner(gs, gs)
    return [w - at.lr / math.sqrt(s["b2"]) * g for w, g in zip(ws, gs, strict=True)]


def normalized_sgd(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Cutkosky and Mehta 2020, algorithm 1, the mean starting at zero."""
    s["m"] = [h.beta * m + (1 - h.beta) * g for m, g in zip(s.get("m", [0.0] * len(gs)), gs, strict=True)]
    size = math.sqrt(inner(s["m"], s["m"])) + h.eps
    return [w - at.lr / size * m for w, m in zip(ws, s["m"], strict=True)]


def clipped_sgd(ws: list[Tensor], gs: Sequence[Tensor], _: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Pascanu et al. 2013, algorithm 1."""
    size = math.sqrt(inner(gs, gs))
    shrink = h.limit / size if size > h.limit else 1.0
    return [w - at.lr * shrink * g for w, g in zip(ws, gs, strict=True)]


def momo(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Schaipp et al. 2023, algorithm 1, the means starting at the first values."""
    dot = inner(gs, ws)
    s.setdefault("d", list(gs))
    s["d"] = [h.beta * d + (1 - h.beta) * g for d, g in zip(s["d"], gs, strict=True)]
    s["f"] = h.beta * s.get("f", at.loss) + (1 - h.beta) * at.loss
    s["gamma"] = h.beta * s.get("gamma", dot) + (1 - h.beta) * dot
    above = max(s["f"] + inner(s["d"], ws) - s["gamma"] - h.lower_bound, 0.0)
    rate = min(at.lr, above / inner(s["d"], s["d"]))
    return [w - rate * d for w, d in zip(ws, s["d"], strict=True)]


def momo_adam(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Schaipp et al. 2023, algorithm 2, without weight decay."""
    zeros = [0.0] * len(gs)
    s["d"] = [h.beta1 * d + (1 - h.beta1) * g for d, g in zip(s.get("d", zeros), gs, strict=True)]
    s["v"] = [h.beta2 * v + (1 - h.beta2) * g * g for v, g in zip(s.get("v", zeros), gs, strict=True)]
    s["f"] = h.beta1 * s.get("f", 0.0) + (1 - h.beta1) * at.loss
    s["gamma"] = h.beta1 * s.get("gamma", 0.0) + (1 - h.beta1) * inner(gs, ws)
    rho = 1 - h.beta1**at.t
    scaled = [d / (h.eps + torch.sqrt(v / (1 - h.beta2**at.t))) for d, v in zip(s["d"], s["v"], strict=True)]
    above = max(s["f"] - rho * h.lower_bound - s["gamma"] + inner(s["d"], ws), 0.0)
    rate = min(at.lr / rho, above / inner(s["d"], scaled))
    return [w - rate * x for w, x in zip(ws, scaled, strict=True)]


def prodigy(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Mishchenko and Defazio 2023, algorithm 4."""
    zeros = [0.0] * len(gs)
    d, beta3 = s.get("d", h.d0), math.sqrt(h.beta2)
    away = [start - w for start, w in zip(at.w0, ws, strict=True)]
    s["m"] = [h.beta1 * m + (1 - h.beta1) * d * g for m, g in zip(s.get("m", zeros), gs, strict=True)]
    s["v"] = [h.beta2 * v + (1 - h.beta2) * d * d * g * g for v, g in zip(s.get("v", zeros), gs, strict=True)]
    s["r"] = beta3 * s.get("r", 0.0) + (1 - beta3) * at.lr * d * d * inner(gs, away)
    s["s"] = [beta3 * x + (1 - beta3) * at.lr * d * d * g for x, g in zip(s.get("s", zeros), gs, strict=True)]
    found = s["r"] / math.fsum(float(x.abs().sum()) for x in s["s"])
    s["d"] = max(d, found)
    steps = [m / (torch.sqrt(v) + s["d"] * h.eps) for m, v in zip(s["m"], s["v"], strict=True)]
    return [w - at.lr * d * (step + h.weight_decay * w) for w, step in zip(ws, steps, strict=True)]


def dog(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Ivgi et al. 2023, equation 3 with the recommended first distance, for the whole model."""
    away = [w - start for w, start in zip(ws, at.w0, strict=True)]
    s.setdefault("r", h.first * (1 + math.sqrt(inner(at.w0, at.w0))))
    s["r"] = max(s["r"], math.sqrt(inner(away, away)))
    s["G"] = s.get("G", 0.0) + inner(gs, gs)
    return [w - at.lr * s["r"] / math.sqrt(s["G"] + h.eps) * g for w, g in zip(ws, gs, strict=True)]


def halpern(ws: list[Tensor], gs: Sequence[Tensor], _: State, at: Moment, __: Hypers) -> list[Tensor]:
    """Halpern 1967: a share of 1 / (t + 1) of the start."""
    share = 1 / (at.t + 1)
    return [share * start + (1 - share) * (w - at.lr * g) for start, w, g in zip(at.w0, ws, gs, strict=True)]


def flooding(ws: list[Tensor], gs: Sequence[Tensor], _: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Ishida et al. 2020: the gradient of abs(loss - level) + level."""
    direction = 1.0 if at.loss > h.level else -1.0
    return [w - at.lr * direction * g for w, g in zip(ws, gs, strict=True)]


def induced_metric(ws: list[Tensor], gs: Sequence[Tensor], _: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Harvey 2025: the inverse of identity + xi g g^T times g, with the inverse taken as a matrix."""
    g = torch.cat([part.flatten() for part in gs])
    step = torch.linalg.solve(torch.eye(len(g), dtype=g.dtype) + h.xi * torch.outer(g, g), g)
    parts = step.split([part.numel() for part in gs])
    return [w - at.lr * part.reshape(w.shape) for w, part in zip(ws, parts, strict=True)]


def sophia(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Liu et al. 2023, algorithm 3 with Hutchinson's estimate."""
    zeros = [0.0] * len(gs)
    s["m"] = [h.beta1 * m + (1 - h.beta1) * g for m, g in zip(s.get("m", zeros), gs, strict=True)]
    if at.t % h.period == 1:
        s["h"] = [h.beta2 * x + (1 - h.beta2) * new for x, new in zip(s.get("h", zeros), at.h, strict=True)]
    moved = [w - at.lr * h.weight_decay * w for w in ws]
    floors = [torch.fmax(h.gamma * x, torch.full_like(x, h.eps)) for x in s["h"]]
    return [w - at.lr * torch.clamp(m / x, -1, 1) for w, m, x in zip(moved, s["m"], floors, strict=True)]


def adahessian(ws: list[Tensor], gs: Sequence[Tensor], s: State, at: Moment, h: Hypers) -> list[Tensor]:
    """Yao et al. 2020, algorithm 1, without spatial averaging; decoupled weight decay."""
    zeros = [0.0] * len(gs)
    s["m"] = [h.beta1 * m + (1 - h.beta1) * g for m, g in zip(s.get("m", zeros), gs, strict=True)]
    s["v"] = [h.beta2 * v + (1 - h.beta2) * d * d for v, d in zip(s.get("v", zeros), at.h, strict=True)]
    roots = [(v / (1 - h.beta2**at.t)) ** h.power_of_v + h.eps for v in s["v"]]
    steps = [m / (1 - h.beta1**at.t) / root for m, root in zip(s["m"], roots, strict=True)]
    return [w - at.lr * (step + h.weight_decay * w) for w, step in zip(ws, steps, strict=True)]
