"""A file of records, one a line, that no interruption spoils: what was measured, for the same command to go on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

Record = TypeVar("Record", bound=BaseModel)


class RecordsError(ValueError):
    """Records that cannot be used: the file holds something else, or they say nothing."""


class RecordFile(Generic[Record]):
    """Records by a key that says all they depend on; those of other keys may stand among them.

    Attributes:
        found: What the file holds.

    Args:
        path: The file; it is made, with its folder, when the first record comes. A last line that was cut short is
            dropped from it.
        kind: What its records are.

    Raises:
        RecordsError: The file holds something else.
    """

    def __init__(self, path: Path, kind: type[Record]) -> None:
        self._path = path
        self.found: dict[str, Record] = {}
        if not path.exists():
            return
        text = path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        try:
            rows = [json.loads(line) for line in whole.splitlines()]
            self.found = {row["key"]: kind.model_validate(row["record"]) for row in rows}
        except (ValueError, KeyError, TypeError, ValidationError):
            raise RecordsError(f"{path} holds no such records. Name another file with --out, or remove it.") from None
        if whole != text:
            path.write_text(whole, encoding="utf-8")

    def add(self, key: str, record: Record) -> None:
        """Write one down, for good."""
        self.found[key] = record
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"key": key, "record": record.model_dump(mode="json")}) + "\n")
