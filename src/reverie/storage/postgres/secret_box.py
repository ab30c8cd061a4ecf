"""Encryption of what is kept secret at rest: credentials of vaults, signing secrets of webhooks."""

import os
from pathlib import Path
from typing import Any

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from reverie.errors import SettingsError
from reverie.settings import Settings

KEY_FILE = "secret.key"


class SecretBox:
    """Seals JSON-able values with the first of its keys; opens what any of them has sealed."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, value: Any) -> str:
        """``value`` encrypted, as text."""
        return self._fernet.encrypt(msgspec.json.encode(value)).decode()

    def open(self, sealed: str) -> Any:
        """What :meth:`seal` was given.

        Raises:
            SettingsError: none of the keys fits.
        """
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed))
        except InvalidToken as error:
            raise SettingsError(
                "a secret was sealed with a key that this server does not have; add that key to REVERIE_SECRET_KEY"
            ) from error


def open_secret_box(settings: Settings) -> SecretBox:
    """The box of this installation; its key is made at first use where the embedded database is used.

    Raises:
        SettingsError: the database is external, so that other servers may share it, and no key is set.
    """
    if settings.secret_keys:
        return SecretBox(settings.secret_keys)
    if settings.database_url is not None:
        raise SettingsError(
            "vaults and webhooks on an external database need REVERIE_SECRET_KEY, the same for every server; "
            "make one with: openssl rand -base64 32 | tr '+/' '-_'"
        )
    return SecretBox((_kept_key(settings.home / KEY_FILE),))


def _kept_key(path: Path) -> str:
    """The key in ``path``, put there if there is none; it is whole from the moment it can be seen."""
    if not path.exists():
        fresh = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(Fernet.generate_key())
            file.flush()
            os.fsync(descriptor)
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass  # Another process was faster; its key is the one.
        finally:
            fresh.unlink()
    return path.read_text(encoding="ascii")
