"""What a rule does on fixed probes, as a hash: two rules that behave alike are twins before anything is trained."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs.degree import is_proportional
from programs.ir import Program
from programs.probe import HORIZON, LAYOUT, TIMES, Array, Probe, noise, respond

_DROPPED = 33  # bits of a double's 53; 20 are left, six significant decimal digits
_FLOOR = 1e-13  # what is smaller than this share of a lane's largest update in a step is what cancellation left over
_FACTOR = 4.0  # between the learning rates of the two halves of the lanes; a power of two scales without rounding


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How a rule behaves.

    Attributes:
        behaviour: Hash of the updates to six significant digits, 32 hexadecimal digits. If the update is proportional
            to the learning rate, a positive constant factor on it is left out: a search for the learning rate absorbs
            it as far as its grid reaches. On the probes, two rules of one behaviour differ by that factor alone.
        log2_scale: The factor that was left out, as log2 rounded to three decimals; 0 where none was. Only differences
            between rules of one behaviour mean something.
        finite: Whether every update was a finite number. The probes that count for this hold gradients that are 0 and
            as large as 100.
    """

    behaviour: str
    log2_scale: float
    finite: bool


@np.errstate(all="ignore")
def fingerprint(program: Program) -> Fingerprint:
    """Run a rule for a few steps on fixed weights, gradients and learning rates and hash what it returns."""
    updates, scale = behaviour(program)
    moderate = [updates[:, lane :: len(LANES)] for lane in range(len(LANES)) if lane != _HUGE]
    return Fingerprint(
        behaviour=hashlib.blake2b(digits(updates).astype("<i4", copy=False).tobytes(), digest_size=16).hexdigest(),
        log2_scale=round(math.log2(scale), 3),
        finite=all(np.isfinite(part).all() for part in moderate),
    )


def behaviour(program: Program) -> tuple[Array, float]:
    """The updates `(steps, lanes, size)` that count, and the factor that was left out of them, 1 where none was.

    What is proportional to the learning rate says nothing more in the lanes where that is larger, which it lacks.
    """
    if is_proportional(program, "lr"):
        slow = respond(program, _SLOW)
    else:
        updates = respond(program, PROBE)
        slow, fast = np.split(updates, 2, axis=1)
        if not same(fast / _FACTOR, slow):
            return updates, 1.0
    scale = float(_largest(slow).max()) or 1.0
    return slow / scale, scale


def same(left: Array, right: Array) -> bool:
    """Whether updates agree as far as a fingerprint looks."""
    return np.array_equal(left, right) or np.array_equal(digits(left), digits(right))


def digits(updates: Array) -> NDArray[np.int32]:
    """Updates `(steps, lanes, size)` to six significant digits, each as one integer; one zero, one NaN."""
    kept = np.where(np.abs(updates) < _FLOOR * _largest(updates), 0.0, updates) + 0.0
    kept[np.isnan(kept)] = np.nan
    # Half of the last place kept is added to the size, and a carry runs on into the exponent as it should.
    return ((kept.view(np.int64) + (1 << (_DROPPED - 1))) >> _DROPPED).astype(np.int32)


def _largest(updates: Array) -> Array:
    """The largest finite size in every step of every lane, `(steps, lanes, 1)`; 0 where there is none."""
    size = np.abs(updates)
    largest: Array = size.max(axis=2, keepdims=True)
    if not np.isfinite(largest).all():
        largest = np.where(np.isfinite(size), size, 0.0).max(axis=2, keepdims=True)
    return largest


LANES = ("gradients of order 1", "tiny gradients, zeros among them", "large gradients", "huge gradients and weights")
"""What the lanes of the probe show, once for each of two learning rates."""
_HORIZONS = (HORIZON, 170.0, 5003.0, 60.0)
_HUGE = 3  # the last of these, where many a good rule overflows


def _make_probe() -> Probe:
    ordinary = 0.6 * noise(0)[:1] + 0.8 * noise(1)
    tiny = noise(2) * 10.0 ** (-6.0 + 3.0 * noise(3)[:1])
    column = np.arange(LAYOUT.size)
    row = np.arange(len(TIMES))[:, None]
    tiny = np.where((column % 5 == 0) | ((column % 5 == 1) & (row % 2 == 1)), 0.0, tiny)
    gradients = np.stack([ordinary, tiny, 100.0 * noise(4), 1e4 * noise(9)] * 2, axis=1)
    weights = np.stack([noise(5), 0.1 * noise(6), 3.0 * noise(7), 1e3 * noise(10)] * 2, axis=1)
    schedule = np.array([0.4, 1.0, 0.9, 0.7, 0.6, 0.3])[:, None, None]
    slow = np.array([0.05, 0.03, 0.002, 0.07])
    rates = schedule * np.concatenate([slow, _FACTOR * slow])[None, :, None]
    return Probe(weights, gradients, rates, _HORIZONS * 2)


PROBE = _make_probe()
"""What every rule is shown: half of the lanes are the other half with another learning rate."""
_SLOW = PROBE.first(PROBE.lanes // 2)
