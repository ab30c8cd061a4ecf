"""Every setting of a Reverie process, read once from the environment and passed in."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import platformdirs

from reverie.errors import SettingsError


class Settings(msgspec.Struct, frozen=True):
    """Where data lives and how much of the machine to use."""

    home: Path
    """Folder that holds the embedded database. ``REVERIE_HOME``; default: the platform's user data folder."""
    database_url: str | None = None
    """An external PostgreSQL (``postgresql://…``). ``DATABASE_URL``; default: the embedded one in ``home``."""
    workers: int = 2
    """Processes for parsing, redaction and digests. ``REVERIE_WORKERS``; default: the processor count."""
    redaction: bool = True
    """Replace secrets and personal data before anything is stored. ``REVERIE_REDACTION``: ``on`` or ``off``."""


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a variable holds a value that cannot be used.
    """
    home = environment.get("REVERIE_HOME") or platformdirs.user_data_dir("reverie", appauthor=False)
    workers = environment.get("REVERIE_WORKERS") or str(os.cpu_count() or 1)
    if not workers.isdecimal() or int(workers) < 1:
        raise SettingsError(f"REVERIE_WORKERS={workers!r} is not a whole number above 0; unset it or give one")
    redaction = environment.get("REVERIE_REDACTION") or "on"
    if redaction not in ("on", "off"):
        raise SettingsError(f"REVERIE_REDACTION={redaction!r} must be 'on' or 'off'")
    return Settings(
        home=Path(home).expanduser().resolve(),
        database_url=environment.get("DATABASE_URL") or None,
        workers=int(workers),
        redaction=redaction == "on",
    )
