"""Keys of servers: read from the environment or a file when a run starts, held by the client alone, never written."""

from __future__ import annotations

import os
from pathlib import Path

from discovery.config import ModelConfig

NO_KEY = "none"
"""What a server is told that wants no key: the protocol has a place for one."""


class KeyMissingError(RuntimeError):
    """A key is not where the configuration says; the message says where it was looked for."""


def read_key(model: ModelConfig) -> str:
    """The key for a model's server.

    Raises:
        KeyMissingError: The variable is not set, or the file cannot be read or is empty.
    """
    if model.api_key_env is not None:
        key = os.environ.get(model.api_key_env, "").strip()
        where = f"the environment variable {model.api_key_env} is not set"
    elif model.api_key_file is not None:
        where = f"the file {model.api_key_file} cannot be read or is empty"
        try:
            key = Path(model.api_key_file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            key = ""
    else:
        return NO_KEY
    if not key:
        raise KeyMissingError(f"emitters.llm: no key for the model {model.label}: {where}.")
    return key


def without_key(text: str, key: str) -> str:
    """A text that may go into a log or an archive: servers quote keys in their errors."""
    return text if key == NO_KEY else text.replace(key, "[key]")
