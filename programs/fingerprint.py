"""What a rule does on fixed probes, as a hash: two rules that behave alike are twins before anything is trained."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from programs.canon import simplify, structure
from programs.check import check
from programs.decisions import JUMPING, LEFT_OVER, TURNING, is_safe, is_settled, is_shown, largest, looked_at, peak
from programs.degree import is_proportional
from programs.hidden import HIDING, hidden
from programs.ir import Program, Ref, Var
from programs.probe import BY_LAYER, HORIZON, LAYOUT, NUDGE, TIMES, UNITS, Array, Probe, noise, observe
from programs.run import NUMPY, Runner
from programs.trajectory import follow

_DROPPED = 33  # bits of a double's 53; 20 are left, six significant decimal digits
_OCTAVES = 10  # a rule that happens to be proportional to the learning rates shown need not be so at any others
_FACTOR = 4.0  # between the learning rates of the two halves of the lanes; a power of two scales without rounding
_REVISION = b"18"  # in every hash, so that those that a run kept from an earlier meaning match none of this one
_GROWING, _FAR = 4, 60.0  # not `t`, which is stored as 1, 2, 3, 11, 41 where it counts
_GROWTH = 1000.0  # of a nudge from the inputs to the update: beyond it, six digits on a probe say little of training
_FLAT = NUDGE / 8  # less than a nudge, more than what disturbs a sum


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """How a rule behaves.

    Attributes:
        behaviour: Hash of the updates to six significant digits, and of the numbers by which the rule decides and from
            which it chooses, 32 hexadecimal digits. A rule of which the probes do not tell enough shares it only with
            those of its canonical form. If the update is proportional to the learning rate, a positive constant factor
            on it is left out: a search for the learning rate absorbs it as far as its grid reaches. On the probes, two
            rules of one behaviour differ by that factor alone.
        log2_scale: The factor that was left out, as log2 rounded to three decimals; 0 where none was. Only differences
            between rules of one behaviour mean something.
        finite: Whether every update was a finite number. The probes that count for this hold gradients that are 0 and
            as large as 100.
        responds: Whether gradients make a difference to the updates, of any size. One that is 0, or anything else
            whatever they are, is no training; and what hides them for now may show them later.
    """

    behaviour: str
    log2_scale: float
    finite: bool
    responds: bool

    @property
    def trains(self) -> bool:
        """Whether the rule does anything of use on the probes."""
        return self.finite and self.responds


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a rule does on the probes.

    Attributes:
        updates: Those that count, `(steps, lanes, size)`. What is proportional to the learning rate says nothing more
            in the lanes where that is larger, which it lacks, and it is divided by `scale`.
        scale: The factor that was left out, 1 where none was.
        responds: As in `Fingerprint`.
        decisions: A hash of each number by which the rule decides, of those it chooses from, and of what is too small
            to show beside what it is added to or compared with, up to their size: a threshold that no probe happens to
            cross, what no probe happens to choose, and what may grow would show in nothing else.
            About how large the factor is, where the text of the rule does not show that it is proportional.
            And the canonical form of a rule of which the probes do not tell enough: they do not take both branches or
            see a decision come out in two ways, it jumps without one, divides by what crosses zero or takes the size of
            what does not, a state explodes, rounding decides, or a nudge of what they show or of a state grows more
            than a thousandfold on its way to the update or to a decision.
        trajectory: Those along `programs.trajectory`, divided by `scale`; None where the probes do not tell enough.
    """

    updates: Array
    scale: float
    responds: bool
    decisions: frozenset[bytes]
    trajectory: Array | None


@np.errstate(all="ignore")
def fingerprint(program: Program) -> Fingerprint:
    """Run a rule for a few steps on fixed weights, gradients and learning rates and hash what it does."""
    found = behaviour(program)
    hashes = found.decisions if found.trajectory is None else {*found.decisions, _hash(digits(found.trajectory))}
    moderate = [found.updates[:, lane :: len(LANES)] for lane in range(len(LANES)) if lane != _HUGE]
    return Fingerprint(
        behaviour=_hash(digits(found.updates), b"".join(sorted(hashes))).hex(),
        log2_scale=round(math.log2(found.scale), 3),
        finite=all(np.isfinite(part).all() for part in moderate),
        responds=found.responds,
    )


@np.errstate(all="ignore")
def behaviour(program: Program) -> Behaviour:
    """Run a rule on the probes."""
    program = simplify(program)  # an instruction that does nothing must not count
    watched, turning, hiding = (_live(program, ops) for ops in (JUMPING, TURNING, HIDING))
    proportional = is_proportional(program, "lr")
    looked_into = [*watched, *turning, *hiding]
    runner = Runner(program, LAYOUT, NUMPY)
    shown = observe(runner, _SLOW if proportional else _ALL, looked_into)
    arguments = dict(zip(looked_into, shown.told, strict=True))
    kinds = check(program).kinds
    updates, other, nudged = _parted(shown.updates)
    responds = not same(updates[:, :1], other)
    told = _is_steady(updates, nudged) and not any(map(_explodes, shown.states))
    told = told and all(is_safe(program.body[i].op, kinds[i], arguments[i], _NUDGED) for i in turning)
    told = told and (bool(watched) or not _is_flat(updates, nudged))
    decisions = set()
    for index in watched:
        op, seen = program.body[index].op, arguments[index]
        if is_settled(op, seen):
            continue
        if is_shown(op, seen, _NUDGED):
            decisive, _, nudged = _parted(looked_at(op, seen))
            told = told and _is_steady(decisive, nudged)
            decisions.add(_hash(digits(decisive)))
        else:
            told = False
    remembers = _remembering(program)
    for index in hiding:
        for term in hidden(program.body[index].op, arguments[index], remembers[index], _NUDGED):
            decisions.add(_hash(digits(_parted(term)[0])))
    slow = updates if proportional else _slow(updates)
    scale = 1.0 if slow is None else peak(slow)
    if not told:
        decisions.add(structure(program).encode())
    if slow is not None and not proportional:
        decisions.add(str(round(math.log2(scale) / _OCTAVES)).encode())
    trajectory = follow(runner) / scale if told else None
    return Behaviour((updates if slow is None else slow) / scale, scale, responds, frozenset(decisions), trajectory)


def _slow(updates: Array) -> Array | None:
    """Those at the smaller learning rates, if they are smaller than the others by as much as these."""
    slow, fast = np.split(updates, 2, axis=1)
    return slow if same(fast / _FACTOR, slow) else None


def _remembering(program: Program) -> list[list[bool]]:
    """Whether each argument of each instruction depends on a state."""
    states = {Ref(name) for name in program.states}
    found: list[list[bool]] = []
    for instr in program.body:
        found.append([any(found[arg.index]) if type(arg) is Var else arg in states for arg in instr.args])
    return found


def _live(program: Program, ops: frozenset[str]) -> list[int]:
    """The live instructions with one of these operations."""
    return [index for index in sorted(check(program).live) if program.body[index].op in ops]


def _parted(numbers: Array) -> tuple[Array, Array, Array]:
    """What is shown, what the first lane shows with other gradients, and what the nudged lanes show."""
    end = numbers.shape[1] - _NUDGED
    return numbers[:, : end - 1], numbers[:, end - 1 : end], numbers[:, end:]


def _is_steady(shown: Array, nudged: Array) -> bool:
    """Whether a nudge grows to no more than `_GROWTH` times its size, as a share of a lane's largest."""
    shown = shown[:, :_NUDGED]
    if not np.array_equal(np.isfinite(shown), np.isfinite(nudged)):
        return False
    apart = np.abs(nudged - shown)
    return not np.any(apart > _GROWTH * NUDGE * largest(shown))


def _is_flat(shown: Array, nudged: Array) -> bool:
    """Whether no update minds that each number is nudged by itself: then it jumps somewhere, as `abs(g) / g` does."""
    ratios = nudged / np.where(shown[:, :_NUDGED] == 0, np.nan, shown[:, :_NUDGED])
    spread = np.fmax.reduce(ratios, axis=2) - np.fmin.reduce(ratios, axis=2)
    return not np.any(spread > _FLAT)


def _explodes(state: Array) -> bool:
    """Whether it grows at every one of the last steps, and far, where gradients do not: it may overflow later."""
    sizes = np.abs(state[-_GROWING:, _EVEN]).max(axis=2)
    grows = np.all(sizes[1:] > sizes[:-1], axis=0) & (sizes[-1] > _FAR * sizes[0]) & (sizes[0] > 0)
    return bool(np.any(grows))


def _hash(numbers: NDArray[np.int32], more: bytes = b"") -> bytes:
    told = numbers.astype("<i4", copy=False).tobytes() + more
    return hashlib.blake2b(told, digest_size=16, person=_REVISION).digest()


def same(left: Array, right: Array) -> bool:
    """Whether updates agree as far as a fingerprint looks."""
    return np.array_equal(left, right) or np.array_equal(digits(left), digits(right))


def digits(updates: Array) -> NDArray[np.int32]:
    """Updates `(steps, lanes, size)` to six significant digits, each as one integer; one zero, one NaN."""
    kept = np.where(np.abs(updates) < LEFT_OVER * largest(updates), 0.0, updates) + 0.0
    kept[np.isnan(kept)] = np.nan
    # Half of the last place kept is added to the size, and a carry runs on into the exponent as it should.
    return ((kept.view(np.int64) + (1 << (_DROPPED - 1))) >> _DROPPED).astype(np.int32)


LANES = (
    "gradients of order 1",
    "tiny and small gradients, zeros among them",
    "large gradients",
    "huge gradients and dead units",
)
"""What the lanes of the probe show, once for each of two learning rates."""
# What begins late may show steps later.
_TIMES = (TIMES, (1.0, 2.0, 41.0, 83.0, 131.0, 167.0), TIMES, TIMES)
_HORIZONS = (HORIZON, 170.0, 5003.0, 60.0)
_LOSSES = (1.0, 0.01, 3.0, 100.0)
_HUGE = 3  # the last of these, where many a good rule overflows
_EVEN = slice(0, 3, 2)  # those whose gradients are of one size throughout
_NUDGED = _HUGE  # the lanes before it are also shown nudged


def _make_probe() -> Probe:
    ordinary = BY_LAYER * (0.6 * noise(0)[:1] + 0.8 * noise(1))
    tiny = noise(2) * 10.0 ** (-6.0 + 3.0 * noise(3)[:1])
    tiny *= np.array([1.0, 1.0, 300.0, 1.0, 1000.0, 30.0])[:, None]  # of any norm between nothing and 1
    column = np.arange(LAYOUT.size)
    row = np.arange(len(TIMES))[:, None]
    silent = np.array(
        [[1, 0, 0, 1, 0], [1, 1, 0, 0, 0], [1, 0, 1, 0, 0], [1, 1, 1, 0, 0], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0]]
    )
    tiny = np.where(silent[row, column % 5] == 1, 0.0, tiny)
    tiny[:2, LAYOUT.slices[3]] = 0.0  # a layer that nothing reaches at first
    tiny[3, LAYOUT.slices[1]] = 0.0  # one that dies and comes back
    tiny[:4, [*UNITS[4], *UNITS[:, 2]]] = 0.0  # units that wake up,
    tiny[2:, [*UNITS[7], *UNITS[:, 6]]] = 0.0  # that die,
    tiny[:, UNITS[:, 8]] = 0.0  # and one that is dead
    huge = 1e4 * noise(9)
    huge[:, [*UNITS[3], *UNITS[:, 5]]] = 0.0  # dead units
    huge[:, LAYOUT.slices[4]] = 0.0
    gradients = np.stack([ordinary, tiny, 100.0 * BY_LAYER * noise(4), huge] * 2, axis=1)
    small = np.where(column % 7 == 0, 0.0, 0.1 * noise(6))  # biases start at zero
    weights = np.stack([noise(5), small, 3.0 * noise(7), 1e3 * noise(10)] * 2, axis=1)
    schedule = np.array([0.4, 1.0, 0.9, 0.7, 0.3, 0.001])[:, None, None]  # nearly to nothing, as in a training
    slow = np.array([0.5, 0.03, 0.0003, 0.07])
    rates = schedule * np.concatenate([slow, _FACTOR * slow])[None, :, None]
    return Probe(weights, gradients, rates, _TIMES * 2, _HORIZONS * 2, _LOSSES * 2)


PROBE = _make_probe()
"""What every rule is shown: half of the lanes are the other half with another learning rate."""
_OTHER = noise(11) * np.array([1.0, 100.0, 1.0, 1e-3, 1.0, 100.0])[:, None]
_ALL = PROBE.and_other(_OTHER).and_nudged(_NUDGED)
_SLOW = PROBE.take(range(PROBE.lanes // 2)).and_other(_OTHER).and_nudged(_NUDGED)
