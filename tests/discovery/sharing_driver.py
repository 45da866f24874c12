"""One driver of a shared run, which stops in mid-search until it is told to go on; run by `test_sharing`."""

from __future__ import annotations

import sys
from pathlib import Path

from archive.records import Purpose
from discovery.executors import Completed
from discovery.loop import drive, prepare
from discovery.runs import open_run

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from free_executor import FreeExecutor, Silent

HOLD_AFTER = 3


class HoldingExecutor(FreeExecutor):
    """With jobs of the search in hand, and others of it told, waits for a line on standard input."""

    def __init__(self, slots: int) -> None:
        super().__init__(slots)
        self._searched = 0
        self._held = False

    def wait(self) -> list[Completed]:
        in_hand = sum(job.purpose is Purpose.SEARCH for job in self.jobs)
        if in_hand and self._searched >= HOLD_AFTER and not self._held:
            self._held = True
            say("holding")
            sys.stdin.readline()
        self._searched += in_hand
        return super().wait()


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


folder, driver = Path(sys.argv[1]), sys.argv[2]
search = prepare(open_run(folder.name, folder.parent), driver)
say("ready")
drive(search, HoldingExecutor(slots=2), Silent())
search.driver.leave()
