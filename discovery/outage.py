"""What a driver does while its database is away, and how others know meanwhile that it lives."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from archive.errors import DamagedError, LostLeaseError, StoreError
from discovery.executors import Completed
from discovery.search import Search
from evaluators.job import Report

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0  # seconds
_BEATS_PER_LEASE = 4


def recover(search: Search, error: StoreError | LostLeaseError, say: Callable[[str], None]) -> None:
    """Load the search again as soon as the database answers, trying with longer and longer pauses.

    Args:
        search: What lost touch with its store.
        error: How it found out.
        say: Takes one message per try.

    Raises:
        StoreError: The database stayed away for longer than `store.outage_minutes`, or no waiting will help.
        LostLeaseError: Another process drives the run under this name.
    """
    limit, started, pause = 60 * search.run.config.store.outage_minutes, time.monotonic(), _FIRST_PAUSE
    while True:
        if isinstance(error, LostLeaseError):
            if error.taken:
                raise error
            say(str(error))
            come_back = search.enter
        else:
            left = limit - (time.monotonic() - started)
            if left <= 0 or isinstance(error, DamagedError):
                raise error
            say(f"{error} What is finished is kept; trying again in {pause:.1f} s, for {left / 60:.1f} more minutes.")
            time.sleep(min(pause, left))
            pause = min(2 * pause, _LONGEST_PAUSE)
            come_back = search.load
        try:
            come_back()
        except (StoreError, LostLeaseError) as again:
            error = again
        else:
            if pause > _FIRST_PAUSE:
                say(f"The database answers again after {time.monotonic() - started:.0f} s; going on.")
            return


@contextmanager
def heartbeats(search: Search) -> Iterator[None]:
    """Renew the lease from a thread of its own while jobs take their time; needed only where others could take over."""
    if not search.run.store.database.shared:
        yield
        return
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(search.run.config.store.lease_seconds / _BEATS_PER_LEASE):
            with suppress(StoreError):  # the next turn finds out, and knows what to do
                search.driver.beat()

    thread = threading.Thread(target=beat, name="heartbeats", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class Held:
    """Finished reports that the database did not take before the driver had to stop, in a file of the run's folder."""

    def __init__(self, search: Search) -> None:
        self._file = search.run.folder / f"held-{search.driver.name}.json"

    def load(self) -> list[tuple[Completed, int]]:
        """What is held, each with the attempt of its job."""
        if not self._file.exists():
            return []
        held = json.loads(self._file.read_text(encoding="utf-8"))
        return [(Completed(job, Report.model_validate(report)), attempt) for job, attempt, report in held]

    def save(self, finished: Sequence[Completed], attempts: Mapping[int, int], error: BaseException) -> None:
        """Keep reports for the next start; if there is no room for them either, `error` says so in a note."""
        if not finished:
            return
        held = [[done.job, attempts[done.job], done.report.model_dump(mode="json")] for done in finished]
        draft = self._file.with_suffix(".draft")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(held), encoding="utf-8")
            draft.replace(self._file)
        except OSError as why:
            draft.unlink(missing_ok=True)
            error.add_note(f"{len(held)} finished jobs could not be kept ({why}) and will be measured again.")
        else:
            error.add_note(f"{len(held)} finished jobs are kept in {self._file} until then.")

    def clear(self) -> None:
        """Forget what is held: the database has it."""
        self._file.unlink(missing_ok=True)
