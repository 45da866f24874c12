"""Attempts to escape from a level, and what they run into."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace

from evaluators.sandbox.launch import Launch, launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import MIB, Limits
from evaluators.sandbox.targets import KEY_NAME, Targets, targets

SECONDS = 60
"""How long all attempts of a level may take; they take a second."""

SMALL = Limits(memory_bytes=1024 * MIB, scratch_bytes=128 * MIB)
"""Limits that the attempts can exceed without harm: they allocate 2 GiB and write 400 MB."""

STOPPED_FROM: Mapping[str, Level] = {
    **dict.fromkeys(["read_own_environment", "allocate", "make_a_big_file"], Level.LIMITS),
    **dict.fromkeys(["read_a_file", "read_environment_of_launcher", "read_shared_memory"], Level.CONFINED),
    **dict.fromkeys(["write_a_file", "write_the_library", "change_a_mode", "fill_the_disk"], Level.CONFINED),
    **dict.fromkeys(["connect_by_tcp", "connect_by_mptcp", "send_by_udp"], Level.CONFINED),
    **dict.fromkeys(["connect_to_abstract_socket", "connect_to_socket_path"], Level.CONFINED),
    **dict.fromkeys(["signal_a_process", "trace_a_process"], Level.CONFINED),
    **dict.fromkeys(["signal_own_parent", "open_memory_of_parent"], Level.CONFINED),
    **dict.fromkeys(["open_a_device", "write_a_kernel_setting", "make_a_user_namespace"], Level.CONFINED),
    **dict.fromkeys(["use_io_uring", "use_the_keyring", "count_events", "handle_page_faults"], Level.CONFINED),
    **dict.fromkeys(["start_many_processes", "start_a_program"], Level.CONFINED),
    **dict.fromkeys(["see_other_processes", "see_shared_memory"], Level.NAMESPACES),
}
"""The lowest level that stops each attempt, whoever the user is. What this user may not do anyway, such as write the
kernel's settings, is stopped below as well."""


@dataclass(frozen=True)
class ProbeResult:
    """What came of one attempt.

    Attributes:
        name: The attempt: a function of `attempts`, which says what it does.
        blocked: Whether it was stopped.
        expected: Whether this level promises to stop it.
        detail: By what it was stopped.
    """

    name: str
    blocked: bool
    expected: bool
    detail: str

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def probe(level: Level) -> tuple[ProbeResult, ...]:
    """Make every attempt in a child at this level. At level 0 it is a plain child, which shows what would get through.

    Raises:
        SandboxError: The level cannot be had here.
    """
    with targets() as aims:
        child = _launch(level, aims).start(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            out, err = child.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.communicate()
            raise SandboxError(f"the attempts to escape took more than {SECONDS} s") from None
    if child.returncode != 0:
        said = err.decode(errors="replace").strip().splitlines()
        raise SandboxError(said[-1] if said else f"the child ended with status {child.returncode}")
    stopped: dict[str, str | None] = json.loads(out)
    return tuple(
        ProbeResult(name, why is not None, level >= STOPPED_FROM[name], why or "") for name, why in stopped.items()
    )


def _launch(level: Level, aims: Targets) -> Launch:
    arguments = [str(int(level)), SMALL.encode(), aims.encode()]
    os.environ[KEY_NAME] = "key"
    try:
        if level == Level.IN_PROCESS:
            plain = launch(Level.LIMITS, "evaluators.sandbox.attempts", SMALL, arguments=arguments)
            return replace(plain, env={**os.environ, "PYTHONPATH": plain.env["PYTHONPATH"]})
        return launch(level, "evaluators.sandbox.attempts", SMALL, arguments=arguments)
    finally:
        del os.environ[KEY_NAME]
