"""`executor`: who trains."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt, model_validator

from discovery.config.section import Section


class ExecutorConfig(Section):
    """Who trains.

    Attributes:
        kind: `ray` for a pool of processes; `inprocess` for one job at a time, the same bit for bit every time.
        workers: Processes of the pool; `auto` for one per core, of a cluster too while nodes join and leave. A number
            is also what is asked of a cluster that grows on demand.
        address: A Ray cluster to join, as `HOST:PORT` or `auto` on one of its nodes; null to start one on this machine.
        gpus_per_worker: What each process holds of a GPU: 0.25 for four processes that share one; 0 to reserve none.
    """

    kind: Literal["ray", "inprocess"] = "ray"
    workers: Literal["auto"] | PositiveInt = "auto"
    address: str | None = None
    gpus_per_worker: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _one_process_is_alone(self) -> Self:
        alone = self.workers in ("auto", 1) and self.address is None and self.gpus_per_worker == 0
        if self.kind == "inprocess" and not alone:
            raise ValueError(
                "inprocess runs one job at a time here; workers, address and gpus_per_worker belong to kind: ray"
            )
        return self

    @model_validator(mode="after")
    def _ray_grants_whole_gpus_or_parts_of_one(self) -> Self:
        if self.gpus_per_worker > 1 and self.gpus_per_worker % 1:
            raise ValueError(f"gpus_per_worker is {self.gpus_per_worker}: a part of one GPU, or a whole number")
        return self

    @model_validator(mode="after")
    def _the_driver_is_on_a_node(self) -> Self:
        if self.address is not None and self.address.startswith("ray://"):
            raise ValueError("address is a Ray client's: run on a node of the cluster, with `auto` or HOST:PORT")
        return self
