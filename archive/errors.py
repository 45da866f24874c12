"""What can go wrong between a run and its archive; every message says what to do about it."""

from __future__ import annotations


class ArchiveError(Exception):
    """Any of the below."""


class NotFoundError(ArchiveError):
    """No archive at this address, or no run or candidate of this name in it."""


class AlreadyExistsError(ArchiveError):
    """An archive or a run of this name is there already."""


class NotOursError(ArchiveError):
    """The database was made by something else. It was not touched."""


class WrongVersionError(ArchiveError):
    """The archive was written by another version of Savanna. It was not touched."""


class ConflictError(ArchiveError):
    """New facts contradict stored ones, as when two processes drive one run. None of them were stored."""


class LostLeaseError(ArchiveError):
    """Another process has taken over from this driver. Nothing of its turn was stored.

    Attributes:
        taken: Whether a process goes on under the same name; otherwise the driver was declared gone, and may come back.
    """

    def __init__(self, driver: str, *, taken: bool) -> None:
        self.taken = taken
        super().__init__(
            f"Another process drives this run as {driver!r} now, so this one stops. Everything it told is stored."
            if taken
            else f"The driver {driver!r} gave no sign of life for longer than its lease, and others took over its work."
        )


class StoreError(ArchiveError):
    """The database could not be read or written: disk full, locked, read-only, gone. Nothing was half done."""


class DamagedError(StoreError):
    """The database is damaged: no waiting will help."""
