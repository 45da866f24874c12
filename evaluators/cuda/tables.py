"""The programs of a population as the kernel reads them: all tables end to end, and where each program's begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluators.bytecode import OPCODES, Buffer, Code, Mode
from evaluators.nodes import STEPS, T
from programs.kinds import Kind
from programs.layout import Layout, extents, slices, width
from programs.ops import OPS

_ALIGNED = 4  # floats: buffers begin where a thread may load four at once
_NAMES = {code: name for name, code in OPCODES.items()}
_GATHERS = frozenset(code for name, code in OPCODES.items() if name.startswith("gather_"))

PROGRAM_COLUMNS = (
    *("first_stage", "stages", "first_instruction", "first_number", "numbers", "first_target"),
    *("first_swap", "swaps", "first_move", "moves", "scalars", "scratch"),
)
"""Columns of `Tables.programs`, as `lane.cuh` names them."""

Ints = NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Many programs for one layout and one length of run.

    Attributes:
        programs: One row for each program, with `PROGRAM_COLUMNS`.
        stages: Those of `Code`, one program after the other; so are `instructions`, `swaps` and `moves`.
        targets: The scalars that the host knows, those of one program after the other.
        numbers: What the host knows of them, `(steps, numbers)` of one program after the other.
        parts: Offset, rows and columns of the matrix of each kind for each parameter, `(kinds, parameters, 3)`.
        widths: Numbers in a value of each kind.
        places: Where each buffer of each program lies in the memory of its lane, `(programs, most buffers)`.
        memory: What the memory of a lane of each program holds before the first step.
        most_scalars: Of any program; so are `most_registers` and `most_gathers`, those of a pass.
    """

    programs: Ints
    stages: Ints
    instructions: Ints
    swaps: Ints
    moves: Ints
    targets: Ints
    numbers: NDArray[np.float32]
    parts: Ints
    widths: Ints
    places: Ints
    memory: tuple[NDArray[np.float32], ...]
    most_scalars: int
    most_registers: int
    most_gathers: int


def pack(codes: Sequence[Code], steps: int) -> Tables:
    """Put programs end to end. All are about the same layout.

    Args:
        codes: The programs.
        steps: Length of the run.
    """
    layout = codes[0].layout
    numbers = [_numbers(code, steps) for code in codes]
    placed = [_places(code) for code in codes]
    places = np.zeros((len(codes), max(len(places) for places, _ in placed)), np.int32)
    for row, (own, _) in zip(places, placed, strict=True):
        row[: len(own)] = own
    columns = {
        "first_stage": _starts([len(code.stages) for code in codes]),
        "stages": [len(code.stages) for code in codes],
        "first_instruction": _starts([len(code.instructions) for code in codes]),
        "first_number": _starts([table.size for table in numbers]),
        "numbers": [table.shape[1] for table in numbers],
        "first_target": _starts([len(code.from_host) for code in codes]),
        "first_swap": _starts([len(code.swaps) for code in codes]),
        "swaps": [len(code.swaps) for code in codes],
        "first_move": _starts([len(code.moves) for code in codes]),
        "moves": [len(code.moves) for code in codes],
        "scalars": [code.scalars for code in codes],
        "scratch": [end for _, end in placed],
    }
    return Tables(
        programs=np.array([columns[name] for name in PROGRAM_COLUMNS], np.int32).T.copy(),
        stages=np.concatenate([code.stages for code in codes]),
        instructions=np.concatenate([code.instructions for code in codes]),
        swaps=np.concatenate([code.swaps for code in codes]),
        moves=np.concatenate([code.moves for code in codes]),
        targets=np.concatenate([code.from_host[:, 0] for code in codes]),
        numbers=np.concatenate([table.ravel() for table in numbers]),
        parts=_parts(layout),
        widths=np.array([width(layout, kind) for kind in Kind], np.int32),
        places=places,
        memory=tuple(_memory(code, own, end) for code, (own, end) in zip(codes, placed, strict=True)),
        most_scalars=max(code.scalars for code in codes),
        most_registers=max(code.registers for code in codes),
        most_gathers=max(_most_gathers(code) for code in codes),
    )


@np.errstate(all="ignore")
def _numbers(code: Code, steps: int) -> NDArray[np.float32]:
    """The numbers that depend on no array, for every step, `(steps, numbers)`: computed in double precision."""
    values: list[NDArray[np.float64]] = [np.full(steps, value) for value in code.host]
    values[T], values[STEPS] = np.arange(1.0, steps + 1), np.full(steps, float(steps))
    for opcode, result, *slots in code.host_rows.tolist():
        op = OPS[_NAMES[opcode]]
        values[result] = op.numpy(*(values[slot] for slot in slots[: op.arity]))
    if not len(code.from_host):
        return np.empty((steps, 0), np.float32)
    return np.stack([values[slot] for slot in code.from_host[:, 1]], axis=1).astype(np.float32)


def _places(code: Code) -> tuple[list[int], int]:
    """Where the buffers of a program lie in the memory of a lane, after its scalars, and where they end."""
    places, end = [], _aligned(code.scalars)
    for index, kind in enumerate(code.buffers.tolist()):
        places.append(end)
        if index >= len(Buffer):
            end += _aligned(width(code.layout, Kind(kind)))
    return places, end


def _memory(code: Code, places: Sequence[int], end: int) -> NDArray[np.float32]:
    memory = np.zeros(end + _scratch(code), np.float32)
    for buffer, facts in code.sizes:
        memory[places[buffer] : places[buffer] + len(facts)] = facts
    return memory


def _scratch(code: Code) -> int:
    """Floats of room that the widest matrix operation needs, as said in `matrices.cuh` and `eigen.cuh`."""
    needed = 0
    for mode, _, first, _ in code.stages.tolist():
        opcode, kind = int(code.instructions[first, 0]), Kind(int(code.instructions[first, 6]))
        if mode == Mode.WHOLE:
            for rows, columns in extents(code.layout, kind):
                low = min(rows, columns)
                room = {
                    OPCODES["orthogonalize"]: 2 * rows * columns + 2 * low * low,
                    OPCODES["inverse_root"]: 3 * rows * columns + 2 * rows + 2,
                }
                needed = max(needed, room.get(opcode, 0))
    return _aligned(needed)


def _most_gathers(code: Code) -> int:
    passes = [code.instructions[first:end, 0].tolist() for _, _, first, end in code.stages.tolist()]
    return max(sum(opcode in _GATHERS for opcode in opcodes) for opcodes in passes)


def _parts(layout: Layout) -> Ints:
    found = np.zeros((len(Kind), len(layout.shapes), 3), np.int32)
    for kind in Kind:
        if kind is not Kind.SCALAR:
            for index, (part, shape) in enumerate(zip(slices(layout, kind), extents(layout, kind), strict=True)):
                found[kind, index] = part.start, *shape
    return found


def _starts(lengths: Sequence[int]) -> list[int]:
    return [0, *np.cumsum(lengths)[:-1].tolist()]


def _aligned(floats: int) -> int:
    return -(-floats // _ALIGNED) * _ALIGNED
