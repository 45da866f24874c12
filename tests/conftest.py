"""Shared by all tests."""

from __future__ import annotations

from hypothesis import settings

# How long an example takes depends on what else the machine does; a test that hangs is stopped by pytest-timeout.
settings.register_profile("savanna", deadline=None)
settings.load_profile("savanna")
