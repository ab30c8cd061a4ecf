"""The rules of memory content: UTF-8 text of at most 102,400 bytes, named by its SHA-256."""

import hashlib

from reverie.errors import InputError

MAX_CONTENT_BYTES = 102_400


def encode_content(content: str) -> bytes:
    """The content's exact UTF-8 bytes, nothing normalised.

    Raises:
        InputError: it is too long, holds U+0000, or is not valid Unicode text.
    """
    try:
        data = content.encode()
    except UnicodeEncodeError as error:
        raise InputError(f"character {error.start + 1} is half of a surrogate pair; remove it") from error
    _check_bytes(data)
    return data


def decode_content(data: bytes) -> str:
    """The text of a file's bytes.

    Raises:
        InputError: it is too long, holds a NUL byte, or is not UTF-8.
    """
    _check_bytes(data)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError(f"byte {error.start + 1} is not UTF-8; only UTF-8 text can be a memory") from error


def content_sha256(data: bytes) -> str:
    """The content hash of the wire API: lower-case hexadecimal SHA-256 of the exact bytes."""
    return hashlib.sha256(data).hexdigest()


def _check_bytes(data: bytes) -> None:
    if len(data) > MAX_CONTENT_BYTES:
        raise InputError(f"content is over {MAX_CONTENT_BYTES:,} bytes; split it into several memories")
    if b"\0" in data:
        raise InputError("content holds a NUL character; only text can be a memory")
