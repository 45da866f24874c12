"""The kernel compiled for the processor, once with one thread in a block and once with four."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evaluators.cuda.images import Shape
from evaluators.cuda.kernel import Kernel
from evaluators.cuda.tables import Tables
from kernel_on_cpu import COMPILER, build

MakeKernel = Callable[[Tables], Kernel]


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> MakeKernel:
    return _built(tmp_path_factory, Shape(1, 4))


@pytest.fixture(scope="session")
def in_fours(tmp_path_factory: pytest.TempPathFactory) -> MakeKernel:
    return _built(tmp_path_factory, Shape(4, 2))


def _built(folders: pytest.TempPathFactory, shape: Shape) -> MakeKernel:
    if COMPILER is None:
        pytest.skip("no C++ compiler")
    return build(folders.mktemp("kernel"), shape)
