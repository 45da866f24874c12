from __future__ import annotations

import importlib.util

import pytest

from evaluators.bytecode import UnsupportedError
from evaluators.bytecode import compile as compile_rule
from evaluators.cuda.kernel import SHAPES, KernelError, Shape, compiled, fitting, source
from evaluators.cuda.tables import Tables, pack
from programs import zoo
from programs.layout import Layout

needs_nvrtc = pytest.mark.skipif(importlib.util.find_spec("cuda") is None, reason="no cuda-bindings")


def packed(*names: str) -> Tables:
    layout = Layout.of([(4, 3), (4,)])
    return pack([compile_rule(zoo.load(name), layout) for name in names], steps=3)


@needs_nvrtc
def test_the_compiler_for_gpus_accepts_the_kernel() -> None:
    assert compiled(source("device.cu", Shape(32, 1)), "sm_90").startswith(b"\x7fELF")


@needs_nvrtc
def test_what_the_compiler_refuses_is_shown_with_its_reason() -> None:
    with pytest.raises(KernelError, match="expected an expression"):
        compiled("__device__ int x = ;", "sm_90")


def test_the_largest_block_that_fits_is_taken() -> None:
    tables = packed("adamw", "lion")
    assert fitting(tables, 10**6) == SHAPES[0]
    least = SHAPES[-1].shared(tables)
    assert fitting(tables, least) == SHAPES[-1]
    with pytest.raises(UnsupportedError, match="registers"):
        fitting(tables, least - 1)
