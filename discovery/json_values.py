"""What JSON can say of our values."""

from __future__ import annotations

import dataclasses
import math
from enum import StrEnum
from typing import Any


def plain(data: Any) -> Any:
    """What JSON can say: dataclasses become objects, NaN becomes null."""
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {field.name: plain(getattr(data, field.name)) for field in dataclasses.fields(data)}
    if isinstance(data, dict):
        return {str(key): plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [plain(value) for value in data]
    if isinstance(data, StrEnum):
        return data.value
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
