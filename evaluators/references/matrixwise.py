"""Formulas of rules that see a parameter as a matrix, of those on two sequences of weights, and of MARS."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from evaluators.references.elementwise import adam_step
from evaluators.references.reference import Hypers, Memory, Moment


def newton_schulz(x: Tensor) -> Tensor:
    """Jordan et al. 2024 in double precision: the quintic, five times, applied to the singular values themselves.

    The reference implementations run it in bfloat16 on the matrix. eps is added to the norm, as in the table.
    """
    matrix = x.reshape(len(x), -1)
    u, values, v = torch.linalg.svd(matrix, full_matrices=False)
    values = values / (torch.sqrt((values**2).sum()) + 1e-7)
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    return (u * values @ v).reshape(x.shape)


def sides(x: Tensor) -> tuple[int, int]:
    """Rows and columns of a kernel as a matrix."""
    return len(x), x.numel() // len(x)


def muon(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Jordan et al. 2024 with the scale and decay of Liu et al. 2025; AdamW for vectors."""
    if g.dim() < 2:
        return w - at.lr * (adam_step(g, s, at, h) + h.weight_decay * w)
    s["M"] = h.momentum * s.get("M", 0.0) + (1 - h.momentum) * g
    direction = newton_schulz(h.momentum * s["M"] + (1 - h.momentum) * g)
    return w - at.lr * (h.scale * math.sqrt(max(sides(g))) * direction + h.weight_decay * w)


def adago(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Zhang et al. 2025, algorithm 1; Adam for vectors."""
    if g.dim() < 2:
        return w - at.lr * adam_step(g, s, at, h)
    s["M"] = h.momentum * s.get("M", 0.0) + (1 - h.momentum) * g
    s["v2"] = s.get("v2", h.v0**2) + torch.clamp(g.norm() ** 2, max=h.gamma**2)
    rate = torch.clamp(at.lr * torch.clamp(g.norm(), max=h.gamma) / torch.sqrt(s["v2"]), min=h.least)
    return w - rate * newton_schulz(s["M"])


def corrected(g: Tensor, s: Memory, beta: float, gamma: float) -> Tensor:
    """Yuan et al. 2024, equation 2.9, with the last gradient, clipped to norm one."""
    c = g + gamma * beta / (1 - beta) * (g - s.get("last", torch.zeros_like(g)))
    s["last"] = g
    return c / c.norm() if c.norm() > 1 else c


def mars(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Yuan et al. 2024, algorithm 2 (MARS-AdamW)."""
    return w - at.lr * (adam_step(corrected(g, s, h.beta1, h.gamma), s, at, h) + h.weight_decay * w)


def mars_m(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Liu et al. 2025, algorithm 1; AdamW for vectors."""
    if g.dim() < 2:
        return w - at.lr * (adam_step(g, s, at, h) + h.weight_decay * w)
    c = corrected(g, s, h.momentum, h.gamma)
    s["M"] = h.momentum * s.get("M", 0.0) + (1 - h.momentum) * c
    return w - at.lr * (h.scale * math.sqrt(max(sides(g))) * newton_schulz(s["M"]) + h.weight_decay * w)


def shampoo(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Gupta et al. 2018, algorithm 1, on the matrix of a kernel; a vector is one row."""
    x = g.reshape(len(g), -1) if g.dim() > 1 else g.reshape(1, -1)
    rows, columns = x.shape
    s["L"] = s.get("L", h.eps * torch.eye(rows, dtype=x.dtype)) + x @ x.T
    s["R"] = s.get("R", h.eps * torch.eye(columns, dtype=x.dtype)) + x.T @ x
    return w - at.lr * (_inverse_fourth_root(s["L"]) @ x @ _inverse_fourth_root(s["R"])).reshape(w.shape)


def _inverse_fourth_root(x: Tensor) -> Tensor:
    """By singular values, where the table takes eigenvalues."""
    u, values, v = torch.linalg.svd(x)
    return u * values**-0.25 @ v


def schedule_free_sgd(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Defazio et al. 2024, equations 3 to 5, weights in proportion to the squared rate."""
    return averaged(g + h.weight_decay * w, w, s, at, h.beta)


def schedule_free_adamw(w: Tensor, g: Tensor, s: Memory, at: Moment, h: Hypers) -> Tensor:
    """Defazio et al. 2024, algorithm 1, weights in proportion to the squared rate, without warm-up."""
    s["v"] = h.beta2 * s.get("v", 0.0) + (1 - h.beta2) * g * g
    step = g / (torch.sqrt(s["v"] / (1 - h.beta2**at.t)) + h.eps) + h.weight_decay * w
    return averaged(step, w, s, at, h.beta1)


def averaged(step: Tensor, w: Tensor, s: Memory, at: Moment, beta: float) -> Tensor:
    """The point between z after this step and the average of all z."""
    s["top"] = torch.fmax(s.get("top", w.new_tensor(0)), w.new_tensor(at.lr))
    s["total"] = s.get("total", 0.0) + s["top"] ** 2
    share = s["top"] ** 2 / s["total"]
    s["z"] = s.get("z", w) - at.lr * step
    s["x"] = (1 - share) * s.get("x", w) + share * s["z"]
    return (1 - beta) * s["z"] + beta * s["x"]
