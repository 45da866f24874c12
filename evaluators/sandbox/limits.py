"""What a process may use: setrlimit(2)."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

MIB = 2**20

OTHERS = 1024
"""How many processes and threads the user may start elsewhere before this process can start no more of its own. The
kernel counts by user; where the user is a person, the count moves."""


@dataclass(frozen=True)
class Limits:
    """Limits of one worker tree. None is no limit.

    All but `scratch_bytes` hold for each process by itself, so a parent that wants to bound a whole tree has to watch
    it. The number of processes is not enforced on root.

    Attributes:
        memory_bytes: Address space. torch needs 1 GiB to start; a GPU worker must have None, because CUDA maps
            hundreds of gigabytes.
        cpu_seconds: Processor time: a backstop for a worker that nobody watches any more.
        processes: Processes and threads beyond those that the user already has.
        file_bytes: Size of the largest file.
        open_files: Open files.
        scratch_bytes: Size of the temporary folder, which exists at level 3 only; level 2 writes nowhere.
    """

    memory_bytes: int | None = 8192 * MIB
    cpu_seconds: int | None = 4 * 3600
    processes: int | None = 64
    file_bytes: int | None = 64 * MIB
    open_files: int | None = 256
    scratch_bytes: int = 256 * MIB

    def encode(self) -> str:
        """As one command-line argument."""
        return json.dumps(asdict(self))

    @staticmethod
    def decode(text: str) -> Limits:
        """The inverse of `encode`."""
        return Limits(**json.loads(text))

    def apply(self, *, shared_user: bool) -> None:
        """Impose them on this process and its children, for ever. No core is dumped.

        Args:
            shared_user: Others use this user id too, so that the number of processes needs room for theirs.
        """
        import resource  # Windows has none, and may still import this module.

        wanted = {
            resource.RLIMIT_CPU: self.cpu_seconds,
            resource.RLIMIT_FSIZE: self.file_bytes,
            resource.RLIMIT_NOFILE: self.open_files,
            resource.RLIMIT_CORE: 0,
        }
        if sys.platform == "linux":
            wanted[resource.RLIMIT_AS] = self.memory_bytes  # Elsewhere the name exists, but is refused or ignored.
        if self.processes is not None:
            wanted[resource.RLIMIT_NPROC] = self.processes + _running() + (OTHERS if shared_user else 0)
        for kind, value in wanted.items():
            hard = resource.getrlimit(kind)[1]
            if value is not None:
                lowered = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.setrlimit(kind, (lowered, lowered))


def _running() -> int:
    """Threads of this user, as far as /proc shows them; zero where there is none, as on macOS."""
    user = os.getuid()
    count = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.stat().st_uid == user:
                count += len(list((folder / "task").iterdir()))
        except OSError:
            continue  # It has ended meanwhile.
    return count
