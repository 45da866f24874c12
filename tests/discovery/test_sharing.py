"""Several drivers share a run in a PostgreSQL database: nothing is lost, nothing is done twice, whoever is killed."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path

import pytest

from archive.records import Purpose
from discovery.cli.join import join
from discovery.config import StoreConfig
from discovery.executors import Completed
from discovery.loop import Search, drive, prepare
from discovery.runs import Run, RunError, check_unchanged, copy_from, exclusive, open_run
from discovery.scheduling.scheduler import Phase
from free_executor import FreeExecutor, Silent
from postgres import PostgresServer

SCRIPT = Path(__file__).with_name("sharing_driver.py")


@pytest.fixture
def shared_run(make_run: Callable[..., Run], postgres_server: PostgresServer) -> Iterator[Run]:
    run = make_run(
        archive={"url": postgres_server.new_database()},
        budget={"evaluations": 120},
        evaluation={"batch": 4, "sandbox": 1},
        store={"lease_seconds": 1.0, "outage_minutes": 0.1},
    )
    with closing(run.store.database):
        yield run


class Child:
    """A driver in a process of its own, ready to work. Helpers come first: they wait until the main driver begins."""

    def __init__(self, run: Run, driver: str) -> None:
        command = [sys.executable, str(SCRIPT), str(run.folder), driver]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._hear(b"ready")

    def await_middle(self) -> None:
        """Return when it holds jobs of the search, with others told, and waits."""
        self._hear(b"holding")

    def finish(self) -> int:
        """Let it go on to its end; its exit code."""
        self._process.communicate(b"go on\n")
        return self._process.returncode

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _hear(self, word: bytes) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline().strip() == word


@pytest.fixture
def start(shared_run: Run) -> Iterator[Callable[[str], Child]]:
    with ExitStack() as started:

        def one(driver: str) -> Child:
            child = Child(shared_run, driver)
            started.callback(child.kill)
            return child

        yield one


def check_whole(run: Run) -> None:
    """Every candidate is judged, from measurements that were made once, and no number was given twice."""
    store = run.store
    assert store.open_jobs() == []
    numbers = [candidate.id for candidate in store.candidates()]
    assert numbers == list(range(1, len(numbers) + 1))
    evaluations = store.evaluations()
    measured = Counter((e.candidate, e.task, e.seeds, e.budget) for e in evaluations)
    assert max(measured.values()) == 1
    judged = Counter(verdict.candidate for verdict in store.verdicts() if verdict.revision == 0)
    assert judged == Counter(c.id for c in store.candidates() if c.emitter != "baseline")
    assert {e.purpose for e in evaluations} >= {Purpose.BASELINE, Purpose.SEARCH, Purpose.FRESH}
    structures = Counter(candidate.structure for candidate in store.candidates())
    assert max(structures.values()) == 1


def jobs_told_by(run: Run) -> Counter[str]:
    with run.store.database.read() as connection:
        rows = connection.exec_driver_sql("SELECT driver, count(*) FROM jobs WHERE closed GROUP BY driver")
        return Counter({row[0]: row[1] for row in rows})


def test_three_drivers_share_a_run(shared_run: Run, start: Callable[[str], Child]) -> None:
    children = {name: start(name) for name in ("second", "third", "main")}
    for child in children.values():
        child.await_middle()
    with ThreadPoolExecutor() as threads:
        assert list(threads.map(Child.finish, children.values())) == [0, 0, 0]
    check_whole(shared_run)
    assert prepare(shared_run).scheduler.phase is Phase.DONE
    assert jobs_told_by(shared_run).keys() == children.keys()


def test_what_a_killed_driver_had_in_hand_is_done_by_another(shared_run: Run, start: Callable[[str], Child]) -> None:
    second, main = start("second"), start("main")
    second.await_middle()
    main.await_middle()
    second.kill()
    assert main.finish() == 0
    check_whole(shared_run)
    with shared_run.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM jobs WHERE attempt > 1").scalar_one() > 0


def test_a_main_driver_that_was_killed_goes_on_after_helpers_are_through(
    shared_run: Run, start: Callable[[str], Child]
) -> None:
    second, main = start("second"), start("main")
    second.await_middle()
    main.await_middle()
    main.kill()
    assert second.finish() == 0
    assert not shared_run.store.evaluations(purpose=Purpose.FRESH)
    drive(prepare(shared_run), FreeExecutor(slots=2), Silent())
    check_whole(shared_run)


class Until(FreeExecutor):
    """Stops its driver after some answers."""

    def __init__(self, answers: int) -> None:
        super().__init__()
        self._answers = answers

    def wait(self) -> list[Completed]:
        if self.answered == self._answers:
            raise KeyboardInterrupt
        return super().wait()


class ImpatientHeir(FreeExecutor):
    """While a driver waits for a report, another finds its lease at an end and takes over."""

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search = search

    def wait(self) -> list[Completed]:
        if self.answered == 2:
            self._search.driver.leave()
            drive(prepare(self._search.run, "heir"), FreeExecutor(), Silent())
        return super().wait()


def test_a_driver_that_was_given_up_comes_back_and_its_report_is_recorded_as_late(shared_run: Run) -> None:
    patient = shared_run.config.model_copy(update={"store": StoreConfig(lease_seconds=3600.0)})
    run = replace(shared_run, config=patient)  # heartbeats far apart
    with pytest.raises(KeyboardInterrupt):
        drive(prepare(run), Until(6), Silent())
    watcher, second = Silent(), prepare(run, "second")
    drive(second, ImpatientHeir(second), watcher)
    assert any("no sign of life" in message for message in watcher.troubles)
    with run.store.database.read() as connection:
        assert connection.exec_driver_sql("SELECT driver, attempt FROM late_tells").all() == [("second", 1)]
    drive(prepare(run), FreeExecutor(slots=2), Silent())
    check_whole(run)
    assert jobs_told_by(run).keys() == {"main", "second", "heir"}


def test_a_run_is_copied_from_its_database_to_another_machine(shared_run: Run, tmp_path: Path) -> None:
    url = shared_run.config.archive.url
    assert url is not None
    copy_from(url, "test", tmp_path / "elsewhere")
    copy = open_run("test", tmp_path / "elsewhere", ["executor.kind=ray"])
    with closing(copy.store.database):
        assert copy.config.evaluation == shared_run.config.evaluation
        assert copy.config.executor.kind == "ray"
        check_unchanged(copy)
    with pytest.raises(RunError, match="in the way"):
        copy_from(url, "test", tmp_path / "elsewhere")


def test_a_name_belongs_to_one_process_at_a_time(shared_run: Run) -> None:
    with exclusive(shared_run, "second"), exclusive(shared_run):
        with pytest.raises(RunError, match="as 'second': choose another --driver"), exclusive(shared_run, "second"):
            pass
        with pytest.raises(RunError, match="'test'; wait for it"), exclusive(shared_run):
            pass


def test_join_works_on_a_run_of_another_machine_until_nothing_is_left(shared_run: Run, tmp_path: Path) -> None:
    drive(prepare(shared_run), FreeExecutor(slots=2), Silent())
    url = shared_run.config.archive.url
    assert url is not None
    command = [sys.executable, "-c", "from discovery.cli import main; main()", "join", "test", "--url", url]
    command += ["--driver", "second", "--runs", str(tmp_path / "elsewhere")]
    joined = subprocess.run(command, capture_output=True, text=True, check=False)
    assert joined.returncode == 0, joined.stderr
    assert "nothing is left to do" in joined.stderr
    copy = open_run("test", tmp_path / "elsewhere")
    with closing(copy.store.database):
        assert copy.store.verdicts() == shared_run.store.verdicts()


@pytest.mark.parametrize(
    ("driver", "why"),
    [
        ("main", "discover resume"),
        ("a/b", "cannot name a driver"),
        ("second", "is a file, which one driver works on at a time"),
    ],
)
def test_join_says_why_it_cannot(make_run: Callable[..., Run], driver: str, why: str) -> None:
    run = make_run()
    with pytest.raises(RunError, match=why):
        join("test", driver=driver, runs=run.folder.parent)
