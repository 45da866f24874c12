"""Longer than the probes: what begins late, builds up or turns around may not show in a few steps.

As in training, but prescribed: gradients keep their direction for a while and then turn, shrink in one lane and grow in
the other, units die and wake up, weights drift, the loss falls or rises, and the learning rate ends near 0.
"""

from __future__ import annotations

import numpy as np

from programs.probe import BY_LAYER, UNITS, Array, noise
from programs.run import Runner

LANES = ("forty steps, gradients that shrink", "forty steps, gradients that grow")
"""What the lanes show."""
_STEPS = 40
_SHOWN = slice(3, None, 4)  # what begins lasts for longer than that


def follow(runner: Runner[Array]) -> Array:
    """The updates in every fourth step of a rule made ready for `programs.probe.LAYOUT`, `(steps, lanes, size)`."""
    found: Array = runner.unroll(_INPUTS, _STEPS).outputs[0]
    return _shown(found)


def shown(name: str) -> Array:
    """An input in these steps, `(steps, lanes, width)`."""
    return _shown(_INPUTS[name])


def _shown(value: Array) -> Array:
    return value.reshape(_STEPS, len(LANES), -1)[_SHOWN]


def _make_inputs() -> dict[str, Array]:
    phase = np.linspace(0.0, 1.0, _STEPS)[:, None, None]
    direction = noise(400)[0]
    scale = 10.0 ** (np.array([0.0, -3.0])[:, None] + np.array([-1.5, 3.0])[:, None] * phase)
    drift = np.interp(phase, [0.0, 0.3, 0.5, 0.8, 1.0], [1.0, 1.0, -1.0, -1.0, 0.5]) * np.array([1.0, -0.5])[:, None]
    gradients = BY_LAYER * scale * (drift * direction + _noise(410))
    gradients[: _STEPS // 3, :, [*UNITS[4], *UNITS[:, 2]]] = 0.0  # units that wake up,
    gradients[_STEPS // 2 :, :, [*UNITS[7], *UNITS[:, 6]]] = 0.0  # that die,
    gradients[:, :, UNITS[:, 8]] = 0.0  # and one that is dead
    weights = noise(401)[0] + 0.5 * phase * direction + 0.05 * _noise(430)
    late = np.arange(1.0, 1.0 + _STEPS)
    inputs = {
        "w": weights,
        "g": gradients,
        "w0": np.broadcast_to(weights[:1], weights.shape),
        "h": 2.0 * _noise(450) * np.sqrt(np.abs(gradients)),
        "loss": 10.0 ** (0.85 * np.array([1.0, -1.0])[:, None] * (1.0 - 2.0 * phase) - 0.45),
        "lr": np.interp(phase, [0.0, 0.1, 0.5, 1.0], [0.03, 0.3, 0.2, 0.0003]) * np.array([1.0, 0.1])[:, None],
        "t": np.stack([late + 3.0 * np.maximum(late - 20.0, 0.0), 25.0 * late - 24.0], axis=1)[..., None],
        "T": np.broadcast_to(np.array([[101.0], [1001.0]]), (_STEPS, len(LANES), 1)),
    }
    return {name: np.ascontiguousarray(value).reshape(_STEPS * len(LANES), -1) for name, value in inputs.items()}


def _noise(stream: int) -> Array:
    """Other numbers in every step and lane."""
    rows = np.concatenate([noise(stream + more) for more in range(20)])
    return rows[: _STEPS * len(LANES)].reshape(_STEPS, len(LANES), -1)


_INPUTS = _make_inputs()
