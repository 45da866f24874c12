"""Where training runs."""

from __future__ import annotations

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
