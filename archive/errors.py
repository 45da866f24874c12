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


class StoreError(ArchiveError):
    """The database could not be read or written: disk full, locked, read-only, gone. Nothing was half done."""
