"""Ed25519 keys that sign seals: made, kept in PEM files, read."""

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from reverie.errors import InputError, SettingsError
from reverie.settings import Settings

_KEY_ID_DIGITS = 16

PublicKeys = Mapping[str, Ed25519PublicKey]
"""By their ids."""
NO_KEYS: PublicKeys = MappingProxyType({})


def key_id(key: Ed25519PublicKey) -> str:
    """What a key is called in a seal."""
    raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:_KEY_ID_DIGITS]


def make_keys(path: Path) -> tuple[Path, str]:
    """Write a fresh private key to ``path``, for its owner alone, and the public one beside it: its path and id.

    Raises:
        InputError: one of the files is there already, or cannot be written.
    """
    key, public_path = Ed25519PrivateKey.generate(), path.with_name(f"{path.name}.pub")
    public = key.public_key()
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for target, content, mode in ((path, private_pem, 0o600), (public_path, public_pem, 0o644)):
        try:
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        except FileExistsError as error:
            raise InputError(f"{target} is there already; choose another name") from error
        except OSError as error:
            raise InputError(f"{target}: cannot be written: {error.strerror}") from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    return public_path, key_id(public)


def open_signing_key(settings: Settings) -> Ed25519PrivateKey | None:
    """The key that signs seals; None where none is set.

    Raises:
        SettingsError: the file cannot be read, or holds no such key.
    """
    if settings.audit_key is None:
        return None
    try:
        key = load_pem_private_key(settings.audit_key.read_bytes(), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError(f"REVERIE_AUDIT_KEY={settings.audit_key}: {_reason(error)}; {_MAKE_ONE}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(f"REVERIE_AUDIT_KEY={settings.audit_key} holds a key of another kind; {_MAKE_ONE}")
    return key


_MAKE_ONE = "make an Ed25519 key with: reverie audit keygen FILE"


def read_public_keys(paths: Iterable[Path]) -> PublicKeys:
    """The public keys in PEM files.

    Raises:
        InputError: a file cannot be read, or holds no such key.
    """
    keys = {}
    for path in paths:
        try:
            key = load_pem_public_key(path.read_bytes())
        except (OSError, ValueError, UnsupportedAlgorithm) as error:
            raise InputError(f"{path}: {_reason(error)}; give the .pub file of `reverie audit keygen`") from error
        if not isinstance(key, Ed25519PublicKey):
            raise InputError(f"{path} holds a key of another kind; give the .pub file of `reverie audit keygen`")
        keys[key_id(key)] = key
    return keys


def known_keys(settings: Settings) -> PublicKeys:
    """The public half of the key that this process signs with; none where no key is set.

    Raises:
        SettingsError: the file cannot be read, or holds no such key.
    """
    key = open_signing_key(settings)
    return {} if key is None else {key_id(key.public_key()): key.public_key()}


def is_signed_by(key: Ed25519PublicKey, root: str, signature: str) -> bool:
    """Whether a signature of a root is the key's."""
    try:
        key.verify(bytes.fromhex(signature), bytes.fromhex(root))
    except InvalidSignature:
        return False
    return True


def _reason(error: Exception) -> str:
    return f"cannot be read: {error.strerror}" if isinstance(error, OSError) else "holds no PEM key without password"
