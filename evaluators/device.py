"""Where training runs, and how that place is set up."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


def prepare(threads: int = 1) -> None:
    """Set up torch for a worker process; one thread by default, because processes share the cores better."""
    torch.set_num_threads(threads)


def choose(name: str) -> torch.device:
    """The device of that name; `auto` is the first GPU, or else the CPU.

    Raises:
        ValueError: There is no such device here.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(f"No device {name!r} here: {str(error).splitlines()[0]}") from None
    return device


@contextmanager
def tiny_is_zero() -> Iterator[None]:
    """Count numbers below 1.2e-38 as zero on the CPU, where they make a matrix product a hundred times slower.

    Without this, one lane whose weights fade away would hold up all that train with it.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
