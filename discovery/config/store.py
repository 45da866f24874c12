"""`store`: what a driver puts up with from its database, and others from it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, NonNegativeFloat

from discovery.config.section import Section


class StoreConfig(Section):
    """What a driver puts up with from its database, and others from it.

    Attributes:
        outage_minutes: How long a driver holds what is finished and tries again, before it stops, resumable.
        lease_seconds: How long a driver of a shared database may be silent before others take over its jobs.
    """

    outage_minutes: NonNegativeFloat = 10.0
    lease_seconds: Annotated[float, Field(ge=1)] = 60.0
