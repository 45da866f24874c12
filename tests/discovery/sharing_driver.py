"""One driver of a shared run, with an evaluator that takes a moment; run by `test_sharing`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from discovery.executors import Completed
from discovery.loop import drive, prepare
from discovery.runs import open_run

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))
from free_executor import FreeExecutor, Silent


class UnhurriedExecutor(FreeExecutor):
    """Leaves the other drivers time for turns of their own."""

    def wait(self) -> list[Completed]:
        time.sleep(0.1)
        return super().wait()


folder, driver = Path(sys.argv[1]), sys.argv[2]
search = prepare(open_run(folder.name, folder.parent), driver)
sys.stdout.write("ready\n")
sys.stdout.flush()
drive(search, UnhurriedExecutor(slots=2), Silent())
search.driver.leave()
