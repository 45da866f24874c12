"""Long measurements in several processes, kept in a file as they are made: who is interrupted goes on from there."""

from __future__ import annotations

import json
import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from evaluators.device import prepare

Work = TypeVar("Work")
Record = TypeVar("Record", bound=BaseModel)


class RecordsError(ValueError):
    """A file that holds something other than records."""


def collect(
    measure: Callable[[Work], Record],
    work: Mapping[str, Work],
    kind: type[Record],
    file: Path,
    jobs: int,
    progress: Callable[[str], None],
) -> dict[str, Record]:
    """Measure what the file lacks, and return everything.

    Args:
        measure: A function of a module, for other processes to find.
        work: What to measure, by a key that says all it depends on; begun in this order.
        kind: What comes of it.
        file: One line for each record; records of other keys stay as they are.
        jobs: Processes.
        progress: Is told how far it is.

    Raises:
        RecordsError: The file holds something else.
    """
    known = {key: record for key, record in _read(file, kind).items() if key in work}
    missing = {key: item for key, item in work.items() if key not in known}
    started, had = time.monotonic(), len(known)
    progress(f"{had} of {len(work)} measured")
    if not missing:
        return {key: known[key] for key in work}
    context = multiprocessing.get_context("spawn")
    with file.open("a", encoding="utf-8") as out, ProcessPoolExecutor(jobs, context, prepare) as pool:
        waiting = {pool.submit(measure, item): key for key, item in missing.items()}
        try:
            for done in as_completed(waiting):
                key = waiting[done]
                known[key] = done.result()
                out.write(json.dumps({"key": key, "record": known[key].model_dump(mode="json")}) + "\n")
                out.flush()
                minutes = (time.monotonic() - started) / 60
                progress(f"{len(known)} of {len(work)} measured, {len(known) - had} of them in {minutes:.0f} min")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # what it is at may take minutes more, and would be for nothing
            raise
    return {key: known[key] for key in work}


def _read(file: Path, kind: type[Record]) -> dict[str, Record]:
    """What the file holds. A last line that was cut short is dropped from it."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        return {}
    text = file.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        file.write_text(whole, encoding="utf-8")
    try:
        rows = [json.loads(line) for line in whole.splitlines()]
        return {row["key"]: kind.model_validate(row["record"]) for row in rows}
    except (ValueError, KeyError, TypeError, ValidationError):
        raise RecordsError(f"{file} holds no such records. Name another file with --out, or remove it.") from None
