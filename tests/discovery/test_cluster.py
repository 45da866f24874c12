"""A cluster of several nodes, simulated here: nodes join, are killed and come back while jobs are under way."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from archive.records import OpenJob, Purpose
from discovery.config import EvaluationConfig, ExecutorConfig
from discovery.executors import Completed, Executor, ExecutorError, build
from discovery.executors.cluster import capacity
from discovery.executors.ray import ATTEMPTS
from discovery.executors.worker import UnfitError, Worker, software
from evaluators.job import Job, Outcome, Race
from programs import zoo
from ray_workers import busy_worker, busy_workers, paused

pytestmark = pytest.mark.xdist_group("ray")  # one Ray at a time

QUICK_TO_NOTICE = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 200,
    "health_check_failure_threshold": 2,
}
SMALLEST_STORE = 80 * 2**20


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A head that trains nothing."""
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": SMALLEST_STORE}
    cluster = Cluster(initialize_head=True, head_node_args=head | {"_system_config": QUICK_TO_NOTICE})
    yield cluster
    cluster.shutdown()  # type: ignore[no-untyped-call] # Ray publishes no type for it


def add_node(cluster: Cluster, **resources: int) -> Any:
    return cluster.add_node(wait=True, object_store_memory=SMALLEST_STORE, **resources)


def join(cluster: Cluster, **settings: Any) -> Executor:
    return build(ExecutorConfig(kind="ray", address=cluster.address, **settings), EvaluationConfig(sandbox=0))


def make_job(number: int, budget: float) -> OpenJob:
    race = Race(learning_rates=(1e-2,), scout_fraction=0.1, finalists=1)
    program = zoo.entry("adamw").text
    job = Job(programs=(program,), task="digits_mlp", seeds=(0,), race=race, budget=budget, device="cpu")
    return OpenJob(number, Purpose.SEARCH, (1,), job)


def wait_for_slots(pool: Executor, slots: int) -> None:
    while pool.slots != slots:
        assert pool.wait() == []


def wait_for_jobs(pool: Executor, count: int) -> dict[int, Completed]:
    done: dict[int, Completed] = {}
    while len(done) < count:
        done |= {completed.job: completed for completed in pool.wait()}
    return done


def test_workers_follow_the_nodes_and_a_killed_node_costs_no_result(cluster: Cluster) -> None:
    pool = join(cluster)
    try:
        assert pool.slots == 0
        add_node(cluster, num_cpus=1)
        wait_for_slots(pool, 1)
        pool.submit(make_job(1, budget=10.0))
        with paused([busy_worker()]):
            second = add_node(cluster, num_cpus=2)
            wait_for_slots(pool, 3)
            for number in (2, 3):
                pool.submit(make_job(number, budget=10.0))
            with paused(busy_workers(3)):
                cluster.remove_node(second, allow_graceful=False)
        done = wait_for_jobs(pool, 3)
        assert {completed.report.results[0].outcome for completed in done.values()} == {Outcome.SCORED}
        assert {number: completed.attempts for number, completed in done.items()} == {1: 1, 2: 2, 3: 2}
        assert "its node left" in done[2].trouble
        assert pool.slots == 1
    finally:
        pool.close()


def test_nodes_that_leave_again_and_again_are_not_held_against_a_program(cluster: Cluster) -> None:
    losses = ATTEMPTS + 1
    pool = join(cluster)
    with ThreadPoolExecutor(1) as waiting:
        try:
            pool.submit(make_job(1, budget=20.0))
            done = waiting.submit(wait_for_jobs, pool, 1)
            for _ in range(losses):
                node = add_node(cluster, num_cpus=1)
                busy_worker()
                cluster.remove_node(node, allow_graceful=False)
            add_node(cluster, num_cpus=1)
            completed = done.result()[1]
        finally:
            pool.close()
    assert completed.report.results[0].outcome is Outcome.SCORED
    assert completed.attempts == losses + 1


def test_workers_share_a_gpu_as_told(cluster: Cluster) -> None:
    add_node(cluster, num_cpus=8, num_gpus=1)
    pool = join(cluster, gpus_per_worker=0.5)
    try:
        wait_for_slots(pool, 2)
        for number in (1, 2):
            pool.submit(make_job(number, budget=0.1))
        assert len(wait_for_jobs(pool, 2)) == 2
        assert pool.slots == 2
    finally:
        pool.close()


@pytest.mark.parametrize(
    ("gpus_per_worker", "fits"), [(0.0, 9), (0.25, 8), (0.3, 6), (0.5, 4), (0.6, 2), (1.0, 2), (2.0, 1), (3.0, 0)]
)
def test_capacity_counts_cpus_and_whole_shares_of_each_gpu(gpus_per_worker: float, fits: int) -> None:
    nodes = [{"CPU": 1.0, "memory": 1e9}, {"CPU": 8.0, "GPU": 2.0}, {"CPU": 0.5, "GPU": 4.0}, {}]
    assert capacity([{"Resources": resources} for resources in nodes], gpus_per_worker) == fits


def test_a_worker_with_other_software_is_refused() -> None:
    with pytest.raises(UnfitError, match=r"has torch .* instead of 0\.1: install what the driver has"):
        Worker(0, "cpu").prepare(software() | {"torch": "0.1"})


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", r"Nobody answers at executor\.address 127\.0\.0\.1:1: .*ray start --head"),
        ("somewhere", r"executor\.address is 'somewhere', but should be HOST:PORT"),
    ],
)
def test_an_address_where_nobody_listens_is_refused_at_once_and_with_a_way_out(address: str, message: str) -> None:
    with pytest.raises(ExecutorError, match=message):
        build(ExecutorConfig(kind="ray", address=address), EvaluationConfig(sandbox=0))
