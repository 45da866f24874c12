"""The torch meanings of the table as functions of numpy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from numpy.typing import NDArray

from programs.run_torch import MEANINGS


def in_torch(op: str, device: str) -> Callable[..., NDArray[Any]]:
    """The torch meaning of a row as a function of numpy arrays and plain numbers."""

    def apply(*args: Any) -> NDArray[Any]:
        given = (arg if isinstance(arg, float) else torch.tensor(arg, device=device) for arg in args)
        return MEANINGS[op](*given).cpu().numpy()

    return apply
