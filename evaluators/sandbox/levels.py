"""The levels of isolation, from none to namespaces."""

from __future__ import annotations

from enum import IntEnum


class SandboxError(RuntimeError):
    """The sandbox itself cannot be had or has failed; never what a candidate did."""


class Level(IntEnum):
    """How far a process that measures is kept apart. Every level includes those below it."""

    IN_PROCESS = 0
    """No child: the evaluator runs where it is called."""

    LIMITS = 1
    """A process of its own, with an empty environment and limits on memory, time, files and processes."""

    CONFINED = 2
    """It can read Python and its libraries and nothing else, write nowhere, and call only the harmless part of the
    kernel: no new privileges, Landlock, seccomp, no capabilities, and a user id of its own where that can be had."""

    NAMESPACES = 3
    """It also sees no other process, network or file system: all that within bubblewrap."""
