"""An update rule on the interpreter: prepared once, then one call for each step of one lane."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluators.bytecode import Code, UnsupportedError
from evaluators.native.build import load
from programs.kinds import Kind
from programs.layout import Layout, extents

Vector = NDArray[np.float32]

_TABLES = ("stages", "instructions", "host_rows", "from_host", "buffers", "swaps", "moves", "states", "host", "shapes")
_COUNTS = (
    *("stage_count", "instruction_count", "host_count", "host_row_count", "host_once", "from_host_count"),
    *("from_host_once", "scalar_count", "buffer_count", "register_count", "swap_count", "move_count", "state_count"),
    "parameter_count",
)


class UpdateCode(ctypes.Structure):
    """`UpdateCode` of source/interp.h."""

    _fields_ = (*((name, ctypes.c_void_p) for name in _TABLES), *((name, ctypes.c_int32) for name in _COUNTS))


class UpdateInputs(ctypes.Structure):
    """`UpdateInputs` of source/interp.h."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("w", "g", "w0", "update")),
        *((name, ctypes.c_double) for name in ("lr", "t", "T")),
        ("loss", ctypes.c_float),
    )


class Update:
    """A rule prepared for one lane. It keeps the states, which start as zero.

    Args:
        code: What `bytecode.compile` made.

    Raises:
        BuildError: There is no library here.
        UnsupportedError: The rule asks for what this engine does not provide.

    Attributes:
        handle: The address of the prepared rule, for other parts of the library.
    """

    def __init__(self, code: Code) -> None:
        if "h" in code.inputs:
            raise UnsupportedError("the native engine does not know the curvature h")
        self.code = code
        self._library = _declared()
        self.handle: int | None = self._library.savanna_update_prepare(ctypes.byref(_table(code)))
        for buffer, facts in code.sizes:
            self._view(self._library.savanna_update_buffer(self.handle, buffer), len(facts))[:] = facts
        self._inputs = UpdateInputs()

    def __del__(self) -> None:
        if getattr(self, "handle", None) is not None:
            self._library.savanna_update_release(self.handle)
            self.handle = None

    def step(
        self,
        w: Vector,
        g: Vector,
        *,
        lr: float,
        t: int,
        steps: int,
        loss: float = 0.0,
        w0: Vector | None = None,
        update: Vector | None = None,
        times: int = 1,
    ) -> None:
        """One step: changes `w` in place, or, where the code does not subtract, writes `update`.

        Args:
            w: Weights, `(layout.size,)`; and so are `g`, `w0` and `update`.
            g: Gradient.
            lr: Learning rate of this step.
            t: The step, from 1.
            steps: How many there will be.
            loss: Of the batch.
            w0: Initial weights, for a rule that asks for them.
            update: Where the update goes.
            times: How many steps to make with the same gradient, `t` going on; for measuring.

        Raises:
            ValueError: An array is missing or does not fit.
        """
        inputs = self._inputs
        arrays = {"w": w, "g": g, "w0": w0, "update": update}
        if w0 is None and "w0" in self.code.inputs:
            raise ValueError("The rule asks for the initial weights, and there are none.")
        if update is None and self.code.shows:
            raise ValueError("The code shows the update, and has nowhere to write it.")
        for name, array in arrays.items():
            setattr(inputs, name, None if array is None else _address(name, array, self.code.layout.size))
        inputs.lr, inputs.t, inputs.T, inputs.loss = lr, t, steps, loss
        self._library.savanna_update_repeat(self.handle, ctypes.byref(inputs), times)

    def states(self) -> tuple[Vector, ...]:
        """Copies of the states, in the order of the program."""
        library = self._library
        return tuple(
            self._view(
                library.savanna_update_state(self.handle, index), library.savanna_update_state_size(self.handle, index)
            ).copy()
            for index in range(len(self.code.states))
        )

    def reset(self) -> None:
        """The states become zero, as before the first step."""
        self._library.savanna_update_reset(self.handle)

    @staticmethod
    def _view(address: int, size: int) -> Vector:
        if size == 0:
            return np.empty(0, np.float32)
        return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_float)), (size,))


def _address(name: str, array: Vector, size: int) -> int:
    if array.dtype != np.float32 or array.shape != (size,) or not array.flags.c_contiguous:
        raise ValueError(f"{name} must be {size} contiguous 32-bit floats, not {array.dtype} of shape {array.shape}.")
    return array.ctypes.data


def _table(code: Code) -> UpdateCode:
    """The code as C sees it; the arrays belong to `code`, which must outlive the call."""
    arrays: Mapping[str, NDArray[Any]] = {
        **{field.name: getattr(code, field.name) for field in fields(code) if field.name in _TABLES},
        "shapes": shapes(code.layout),
    }
    table = UpdateCode(**{name: array.ctypes.data for name, array in arrays.items()})
    lengths = {f"{name.removesuffix('s')}_count": len(arrays[name]) for name in _TABLES if name != "shapes"}
    counts = {
        **lengths,
        "from_host_count": len(code.from_host),
        "host_once": code.host_once,
        "from_host_once": code.from_host_once,
        "scalar_count": code.scalars,
        "register_count": code.registers,
        "parameter_count": len(code.layout.shapes),
    }
    for name in _COUNTS:
        setattr(table, name, counts[name])
    return table


@lru_cache(maxsize=64)
def shapes(layout: Layout) -> NDArray[np.int64]:
    """Rows and columns of every parameter's matrix for every kind, `(kinds, parameters, 2)`; zeros for a scalar."""
    found: list[Sequence[tuple[int, int]]] = [
        [(0, 0)] * len(layout.shapes) if kind is Kind.SCALAR else extents(layout, kind) for kind in Kind
    ]
    return np.array(found, np.int64).reshape(len(Kind), len(layout.shapes), 2)


@lru_cache(maxsize=1)
def _declared() -> ctypes.CDLL:
    """The library with the types of what is called here."""
    library = load()
    handle, index = ctypes.c_void_p, ctypes.c_int
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "prepare": (handle, [ctypes.POINTER(UpdateCode)]),
        "release": (None, [handle]),
        "reset": (None, [handle]),
        "repeat": (None, [handle, ctypes.POINTER(UpdateInputs), ctypes.c_long]),
        "state_size": (ctypes.c_long, [handle, index]),
        "state": (handle, [handle, index]),
        "buffer": (handle, [handle, index]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, f"savanna_update_{name}")
        function.restype, function.argtypes = result, arguments
    return library
