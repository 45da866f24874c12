"""Long measurements in several processes, kept in a file as they are made: who is interrupted goes on from there."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

from discovery.record_file import Record, RecordFile

Work = TypeVar("Work")


def collect(
    measure: Callable[[Work], Record],
    work: Mapping[str, Work],
    kind: type[Record],
    path: Path,
    jobs: int,
    progress: Callable[[str], None],
) -> dict[str, Record]:
    """Measure what the file lacks, and return everything.

    Args:
        measure: A function of a module, for other processes to find.
        work: What to measure, by a key that says all it depends on; begun in this order.
        kind: What comes of it.
        path: The file; records of other keys stay as they are.
        jobs: Processes.
        progress: Is told how far it is.

    Raises:
        RecordsError: The file holds something else.
    """
    file = RecordFile(path, kind)
    missing = {key: item for key, item in work.items() if key not in file.found}
    started, done = time.monotonic(), len(work) - len(missing)
    progress(f"{done} of {len(work)} measured")
    if not missing:
        return {key: file.found[key] for key in work}
    from evaluators.device import prepare  # torch, for which no command line should wait before it measures

    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), prepare) as pool:
        waiting = {pool.submit(measure, item): key for key, item in missing.items()}
        try:
            for number, each in enumerate(as_completed(waiting), start=1):
                file.add(waiting[each], each.result())
                left = (time.monotonic() - started) / number * (len(missing) - number) / 60
                progress(f"{done + number} of {len(work)} measured, about {left:.0f} min to go")
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # what it is at may take minutes more, and would be for nothing
            raise
    return {key: file.found[key] for key in work}
