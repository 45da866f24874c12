"""Ray itself: started here for one run or joined where it runs, watched, and counted."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import ray

from discovery.executors.base import ExecutorError

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a worker that reserves no GPU sees those that the driver sees
}
_INHERITED = frozenset({"PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "VIRTUAL_ENV"})
_INHERITED_PREFIXES = ("RAY_", "CUDA_", "NVIDIA_", "LC_")
_OBJECT_STORE_BYTES = 80 * 2**20  # Ray's smallest: jobs and reports are a few kilobytes
_ANSWER_WITHIN = 10.0  # seconds
_OUR_CODE = Path(__file__).parents[2]

Node = Mapping[str, Any]


class Cluster:
    """A connection to Ray. There is one per process.

    Args:
        address: Of a running cluster; None starts Ray here, for this run alone.
        cpus: How many processes a Ray that is started here may have; None for one per core.

    Raises:
        ExecutorError: Ray cannot be started, or not be reached.
    """

    def __init__(self, address: str | None, cpus: int | None) -> None:
        if address and address != "auto":
            _check_listening(address)
        context: dict[str, Any] = (
            {"address": address}
            if address
            else {
                "address": "local",  # whatever RAY_ADDRESS says
                "num_cpus": cpus,
                "include_dashboard": False,
                "object_store_memory": _OBJECT_STORE_BYTES,
            }
        )
        # Ray puts the current folder first on the workers' import path, and a file there could stand in for ours.
        with _without_secrets(), chdir(_OUR_CODE):
            _start(context)
        self._vital = _vital_addresses()

    def check_alive(self) -> None:
        """Find out whether Ray still is there: when it dies, its calls wait for ever.

        Raises:
            ExecutorError: It is not.
        """
        for address in self._vital:
            try:
                socket.create_connection(address, timeout=_ANSWER_WITHIN).close()
            except OSError as error:
                raise ExecutorError(f"Ray is gone: nobody answers at {address[0]}:{address[1]} any more.") from error

    def nodes(self) -> dict[str, Node]:
        """The nodes that are alive, by id."""
        return {node["NodeID"]: node for node in _all_nodes() if node["Alive"]}

    def close(self) -> None:
        """Leave, which ends the workers, and Ray itself if it was started here."""
        ray.shutdown()


def capacity(nodes: Iterable[Node], gpus_per_worker: float) -> int:
    """How many workers fit on these nodes, of one CPU each and so much of a GPU."""
    total = 0
    for node in nodes:
        fits = int(node["Resources"].get("CPU", 0))
        if gpus_per_worker:
            gpus = node["Resources"].get("GPU", 0)
            shares = int(1 / gpus_per_worker) * int(gpus) if gpus_per_worker <= 1 else int(gpus / gpus_per_worker)
            fits = min(fits, shares)
        total += fits
    return total


def lines(error: Exception) -> list[str]:
    """An error of Ray, line by line; never empty."""
    return str(error).strip().splitlines() or [type(error).__name__]


def _check_listening(address: str) -> None:
    """Find out whether anybody is there; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ExecutorError(f"executor.address is {address!r}, but should be HOST:PORT, or `auto` on a cluster's node.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_WITHIN).close()
    except OSError as error:
        raise ExecutorError(
            f"Nobody answers at executor.address {address}: {error.strerror or error}. "
            "Start a cluster there with `ray start --head`, or leave the address out to run on this machine."
        ) from error


def _start(context: dict[str, Any]) -> None:
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # Or Ray writes of every worker that dies to standard output, where results belong; we say it in our own words.
    ray._private.worker._worker_logs_enabled = False
    try:
        ray.init(log_to_driver=False, logging_level=logging.ERROR, configure_logging=True, **context)
    except Exception as error:  # Ray raises all kinds, and Exception itself among them
        raise ExecutorError(
            f"Ray cannot be started or reached: {lines(error)[0].rstrip('.')}. The search also runs without it: "
            "--set executor.kind=inprocess."
        ) from error


def _all_nodes() -> list[dict[str, Any]]:
    return ray.nodes()  # type: ignore[no-any-return, no-untyped-call] # Ray publishes no type for it


def _vital_addresses() -> list[tuple[str, int]]:
    """Where the processes listen without which Ray is dead: the head's control store, and the manager of this node."""
    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    (node,) = (node for node in _all_nodes() if node["NodeID"] == context.get_node_id())
    return [(host.strip("[]"), int(port)), (node["NodeManagerAddress"], node["NodeManagerPort"])]


@contextmanager
def _without_secrets() -> Iterator[None]:
    """Hide the environment, but for what Ray needs: its processes inherit it, and keys stay with the driver."""
    everything = dict(os.environ)
    for name in everything:
        if name not in _INHERITED and not name.startswith(_INHERITED_PREFIXES):
            del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(everything)
