"""A child that leaves a daemon behind: `python -m daemonic LEVEL LIMITS ALIVE STOP`.

The daemon holds the pipe ALIVE open, and ends by itself once STOP is closed at the other end.
"""

from __future__ import annotations

import os
import sys

from evaluators.sandbox.enter import enter
from evaluators.sandbox.levels import Level
from evaluators.sandbox.limits import Limits


def main() -> None:
    enter(Level(int(sys.argv[1])), Limits.decode(sys.argv[2]))
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            print("started", flush=True)  # noqa: T201  a child's way to say so
            os.read(int(sys.argv[4]), 1)
        os._exit(0)
    os.read(int(sys.argv[4]), 1)


if __name__ == "__main__":
    main()
