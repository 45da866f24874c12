"""Where the answers to the funnel's questions are kept, so that each is measured once."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from discovery.record_file import RecordFile
from evaluators.job import Job, Report


class Ledger(Protocol):
    """Keeps the answers; `archive.promotions.Promotions` does so in the store of a run."""

    def find(self, digest: str, /) -> Report | None:
        """The answer to a question that was asked before."""
        ...

    def keep(self, stage: str, digest: str, job: Job, report: Report, /) -> None:
        """Store the answer to a question."""
        ...


class Written:
    """A ledger in a file, for as long as the file lives.

    Raises:
        RecordsError: The file holds something else.
    """

    def __init__(self, path: Path) -> None:
        self._file = RecordFile(path, Report)

    def find(self, digest: str) -> Report | None:
        """The answer to a question that was asked before, by whatever command wrote the file."""
        return self._file.found.get(digest)

    def keep(self, stage: str, digest: str, job: Job, report: Report) -> None:  # noqa: ARG002 - as `Ledger` says
        """Write down the answer to a question."""
        self._file.add(digest, report)
