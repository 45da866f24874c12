"""The child that tries out the layers of isolation: `python -m evaluators.sandbox.trial LEVEL LIMITS`.

At level 1 it tries every layer of level 2 by itself, each in a fork; above, it does what a real worker does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

from evaluators.sandbox import landlock, privileges, seccomp
from evaluators.sandbox.enter import enter, isolate
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits


def _landlock() -> None:
    privileges.no_new_privileges()
    landlock.restrict([])


def _seccomp() -> None:
    privileges.no_new_privileges()
    seccomp.confine()


LAYERS: dict[str, Callable[[], None]] = {
    "no new privileges": privileges.no_new_privileges,
    "landlock": _landlock,
    "seccomp": _seccomp,
}


def main(level: Level, limits: Limits) -> None:
    """Print, as JSON, why each layer failed, empty where it worked, and whether the child got a user id of its own."""
    user = os.getuid()
    try:
        enter(level, limits)
        why = in_fork(lambda: isolate(level))
    except (OSError, SandboxError) as error:
        why = str(error)
    layers = {name: in_fork(layer) for name, layer in LAYERS.items()} if level == Level.LIMITS else {}
    json.dump({"why": why, "layers": layers, "own_user": os.getuid() != user}, sys.stdout)


def in_fork(action: Callable[[], object]) -> str:
    """Why an action fails in a process of its own, empty where it does not."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        why = "it failed"
        try:
            action()
            why = ""
        except (OSError, SandboxError) as error:
            why = str(error)
        finally:
            os.write(writer, why.encode())
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        why = pipe.read().decode()
    status = os.waitpid(child, 0)[1]
    return why or (f"it ended with status {status}" if status else "")


if __name__ == "__main__":
    main(Level(int(sys.argv[1])), Limits.decode(sys.argv[2]))
