"""What a rule does on fixed probes, as a hash: two rules that behave alike are twins before anything is trained."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np

from programs.ir import Program
from programs.probe import LAYOUT, TIMES, Array, Probe, noise, respond

_BITS = 20  # six significant decimal digits
_FLOOR = 1e-13  # what is smaller than this share of a lane's largest update is what cancellation left over
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
        finite: Whether every update was a finite number. The probes hold gradients that are 0 and as large as 100.
    """

    behaviour: str
    log2_scale: float
    finite: bool


@np.errstate(all="ignore")
def fingerprint(program: Program) -> Fingerprint:
    """Run a rule for a few steps on fixed weights, gradients and learning rates and hash what it returns."""
    updates = respond(program, _PROBE)
    finite = np.isfinite(updates)
    scale = 1.0
    slow, fast = np.split(_rounded(updates), 2, axis=1)
    if np.array_equal(fast / _FACTOR, slow, equal_nan=True):
        scale = float(np.abs(updates).max(initial=0.0, where=finite)) or 1.0
    return Fingerprint(
        behaviour=hashlib.blake2b(_rounded(updates / scale).astype("<f8").tobytes(), digest_size=16).hexdigest(),
        log2_scale=round(math.log2(scale), 3),
        finite=bool(finite.all()),
    )


def _rounded(updates: Array) -> Array:
    """Six significant digits, one zero, one NaN."""
    finite = np.isfinite(updates)
    size = np.abs(updates)
    largest = size.max(axis=(0, 2), keepdims=True, initial=0.0, where=finite)
    mantissa, exponent = np.frexp(np.where(size < _FLOOR * largest, 0.0, updates))
    rounded = np.ldexp(np.round(np.ldexp(mantissa, _BITS)), exponent - _BITS) + 0.0
    return np.where(np.isnan(updates), np.nan, rounded)


def _make_probe() -> Probe:
    """Three kinds of gradients, each with two learning rates: of order 1, tiny with zeros among them, and large."""
    ordinary = 0.6 * noise(0)[:1] + 0.8 * noise(1)
    tiny = noise(2) * 10.0 ** (-6.0 + 3.0 * noise(3)[:1])
    column = np.arange(LAYOUT.size)
    row = np.arange(len(TIMES))[:, None]
    tiny = np.where((column % 5 == 0) | ((column % 5 == 1) & (row % 2 == 1)), 0.0, tiny)
    large = 100.0 * noise(4)
    gradients = np.stack([ordinary, tiny, large] * 2, axis=1)
    weights = np.stack([noise(5), 0.1 * noise(6), 3.0 * noise(7)] * 2, axis=1)
    schedule = np.array([1.0, 0.9, 0.7, 0.6, 0.3])[:, None, None]
    slow = np.array([0.05, 0.03, 0.002])
    rates = schedule * np.concatenate([slow, _FACTOR * slow])[None, :, None]
    return Probe(weights, gradients, rates)


_PROBE = _make_probe()
