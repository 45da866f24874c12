"""Texts that come with Python and its packages, for models that predict the next character.

Nothing is cleaned away: how often characters and words occur keeps its heavy tail. Which text it was depends on the
versions that are installed; the digest in a task's version says so.
"""

from __future__ import annotations

import importlib.util
import sysconfig
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluators.tasks.task import Data, Examples

SYMBOLS = 96
HELD_OUT = 6
"""One text of so many is for validation, where texts are not named one by one."""

Stream = NDArray[np.uint8]
Split = tuple[Stream, Stream]
"""What is trained on, and what is validated on."""

PYTHON_TRAIN = ("argparse", "configparser", "difflib", "doctest", "inspect", "subprocess", "tarfile", "threading")
PYTHON_VALIDATION = ("csv", "enum", "ipaddress", "tempfile", "textwrap", "traceback")
"""Modules that have been where they are for a long time, and none of them in both."""

_SYMBOL = np.full(256, SYMBOLS, dtype=np.uint8)
_SYMBOL[ord("\n")] = 0
_SYMBOL[ord(" ") : ord("~") + 1] = np.arange(1, SYMBOLS)


def symbols(text: bytes) -> Stream:
    """Line feed and the 95 printable ASCII characters as numbers from 0 to 95; every other byte is left out."""
    mapped = _SYMBOL[np.frombuffer(text, dtype=np.uint8)]
    return mapped[mapped < SYMBOLS]


@cache
def python_source() -> Split:
    """Source code of the standard library of the Python that runs."""
    library = Path(sysconfig.get_path("stdlib"))

    def read(modules: Iterable[str]) -> Stream:
        return symbols(b"".join((library / f"{module}.py").read_bytes() for module in modules))

    return read(PYTHON_TRAIN), read(PYTHON_VALIDATION)


@cache
def prose() -> Split:
    """English prose: the reference manual of Python, by topic, as `help()` shows it."""
    from pydoc_data.topics import topics

    return _divided([topics[topic].encode() for topic in sorted(topics)])


@cache
def headers() -> Split:
    """C++: headers of the core of torch, as shipped with it."""
    include = folder_of("torch") / "include" / "c10"
    paths = [path for part in ("core", "util") for path in sorted((include / part).glob("*.h"))]
    return _divided([path.read_bytes() for path in paths])


def folder_of(package: str) -> Path:
    """Where an installed package lies, without importing it.

    Raises:
        FileNotFoundError: It is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"package {package!r} is not installed, and a task takes its data from it")
    return Path(spec.origin).parent


def _divided(texts: Sequence[bytes]) -> Split:
    train = [text for index, text in enumerate(texts) if index % HELD_OUT]
    return symbols(b"".join(train)), symbols(b"".join(texts[::HELD_OUT]))


def sequences(split: Callable[[], Split], length: int, validation: int) -> Data:
    """Pieces of a text that do not overlap; at every position the target is the symbol that comes next.

    Args:
        split: Gives the texts.
        length: Symbols of an example.
        validation: How many pieces to validate on, drawn from all there are.
    """

    def pieces(stream: Stream) -> Examples:
        count = (len(stream) - 1) // length
        inputs, targets = (stream[start : start + count * length].reshape(count, length) for start in (0, 1))
        return Examples(inputs, targets)

    train, everything = map(pieces, split())
    chosen = np.random.default_rng(0).choice(len(everything.targets), validation, replace=False)
    return Data(train, Examples(everything.inputs[chosen], everything.targets[chosen]))
