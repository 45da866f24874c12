"""SIGKILL at any point leaves every ask and tell wholly done or not at all."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from archive.records import Purpose
from archive.store import RunStore, Store

DRIVER = Path(__file__).with_name("driver.py")


def check_whole(run: RunStore) -> int:
    """Every part of a stored ask and tell is there, and no part of another; returns the number told."""
    state, counts = run.state(), run.counts()
    assert (counts.candidates, counts.jobs) == (state["candidates"], state["jobs"])
    assert counts.jobs - counts.open_jobs == state["told"]
    assert [candidate.id for candidate in run.candidates()] == list(range(1, counts.candidates + 1))
    still_open = run.open_jobs()
    assert all(len(job.candidates) == (3 if job.purpose is Purpose.SEARCH else 1) for job in still_open)
    evaluations = run.evaluations()
    closed = {evaluation.job for evaluation in evaluations}
    assert closed == set(range(1, counts.jobs + 1)) - {job.id for job in still_open}
    searched = [evaluation.candidate for evaluation in evaluations if evaluation.purpose is Purpose.SEARCH]
    assert [verdict.candidate for verdict in run.verdicts()] == searched
    assert len(searched) == 3 * len({e.job for e in evaluations if e.purpose is Purpose.SEARCH})
    return counts.jobs - counts.open_jobs


def test_killed_drivers_leave_whole_transactions_and_resume(run: RunStore, store_url: str) -> None:
    moments = random.Random(0)
    told = 0
    for _ in range(8):
        with subprocess.Popen([sys.executable, str(DRIVER), store_url], stdout=subprocess.PIPE) as child:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            while run.state().get("told", 0) <= told and child.poll() is None:
                time.sleep(0.005)
            time.sleep(moments.random() * 0.1)
            child.send_signal(signal.SIGKILL)
        assert child.returncode == -signal.SIGKILL
        with Store.open(store_url) as again:
            now = check_whole(again.run("first"))
        assert now > told
        told = now
    with run.database.read() as connection:
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
            assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
