"""What lives in a process of Ray: a warm sandbox, text in and text out."""

from __future__ import annotations

import platform
import socket
from importlib import metadata

import ray

from discovery.executors.isolation import Demand, open_sandbox
from evaluators.job import Job
from evaluators.sandbox.supervisor import Sandbox

_DECIDES_RESULTS = ("savanna-discovery", "torch", "numpy")


def software() -> dict[str, str]:
    """What must be the same wherever candidates are measured, so that their scores compare."""
    versions = {name: metadata.version(name) for name in _DECIDES_RESULTS}
    return {"python": ".".join(platform.python_version_tuple()[:2]), **versions}


class UnfitError(RuntimeError):
    """This node cannot measure for this driver."""


class Worker:
    """An actor. Its constructor does nothing, because Ray reports an error there as a death of the process."""

    def __init__(self, sandbox: Demand, device: str) -> None:
        self._settings = sandbox, device
        self._sandbox: Sandbox | None = None

    def prepare(self, expected: dict[str, str]) -> str:
        """Open the sandbox; returns the id of the node.

        Raises:
            UnfitError: The software is not the driver's.
            SandboxError: The isolation asked for cannot be had here.
        """
        here = software()
        other = [
            f"{name} {here[name]} instead of {wanted}" for name, wanted in expected.items() if here[name] != wanted
        ]
        if other:
            raise UnfitError(f"{socket.gethostname()} has {', '.join(other)}: install what the driver has")
        self._sandbox = open_sandbox(*self._settings)
        return str(ray.get_runtime_context().get_node_id())

    def evaluate(self, job: str) -> str:
        """A report, as JSON, for a job that came as JSON.

        Raises:
            ValueError: There is no such task or device.
            SandboxError: The sandbox itself has failed.
        """
        assert self._sandbox is not None
        return self._sandbox.evaluate(Job.model_validate_json(job)).model_dump_json()
