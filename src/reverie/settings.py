"""Every setting of a Reverie process, read once from the environment and passed in."""

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import msgspec
import platformdirs

from reverie.errors import SettingsError
from reverie.extensions import MODELS, installed
from reverie.language_model import ModelPrice

_TIMEOUT_SECONDS = 300.0
_DREAMS = 1
_IMPORT_BYTES = 2 * 1024**3
_RECEIVE_REST_SECONDS = 5
_RECEIVE_DAYS = 7
_SEAL_MINUTES = 60
_HOOK_SECONDS = 2.0
_SECRET_KEY_BYTES = 32
_KEY_VARIABLES = {"anthropic": "ANTHROPIC_API_KEY", "openai": "OPENAI_API_KEY"}
"""Of our own providers. ``anthropic``: the Messages API; ``openai``: chat completions, which most servers speak."""


class Secret(str):
    """Text that is kept out of logs and tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret(…)"


class ModelSettings(msgspec.Struct, frozen=True):
    """Which language model to ask, and how."""

    provider: str
    """``anthropic``, ``openai``, or one that another package brings."""
    model: str
    """The provider's name for it. ``REVERIE_MODEL``: ``anthropic:MODEL``, or ``openai:MODEL`` for any server of chat
    completions; default: no model, and nothing needs one."""
    base_url: str | None = None
    """Where the provider is. ``REVERIE_MODEL_URL``: such as ``http://localhost:11434/v1``; default: its own address."""
    api_key: Secret | None = None
    """What the provider asks for. ``REVERIE_MODEL_KEY``; default: ``ANTHROPIC_API_KEY`` or ``OPENAI_API_KEY``, which go
    to the provider's own address alone."""
    price: ModelPrice | None = None
    """US dollars per million tokens. ``REVERIE_MODEL_PRICE``: ``input/output`` or ``input/output/cache read/cache
    write``, such as ``3/15/0.3/3.75``; default: unknown, so that tokens alone are counted."""
    timeout_seconds: float = _TIMEOUT_SECONDS
    """Longest wait for one answer, in seconds. ``REVERIE_MODEL_TIMEOUT``."""
    retries: int = 4
    """Further tries when the provider is busy or fails, with growing pauses."""


class Settings(msgspec.Struct, frozen=True):
    """Where data lives and how much of the machine to use."""

    home: Path
    """Folder that holds the embedded database. ``REVERIE_HOME``; default: the platform's user data folder."""
    database_url: str | None = None
    """An external PostgreSQL. ``DATABASE_URL``: ``postgresql://…``, or ``REVERIE_DATABASE_URL`` where the other is for
    something else: it goes before, and hooks heed it alone; default: the embedded one in ``home``."""
    workers: int = 2
    """Processes for parsing, redaction and digests. ``REVERIE_WORKERS``; default: the processor count."""
    redaction: bool = True
    """Replace secrets and personal data before anything is stored. ``REVERIE_REDACTION``: ``on`` or ``off``; default:
    ``on``."""
    dreams: int = _DREAMS
    """Dreams that a server runs at a time; others wait. ``REVERIE_DREAMS``."""
    import_bytes: int = _IMPORT_BYTES
    """The largest import that a server takes over HTTP, in bytes. ``REVERIE_IMPORT_BYTES``."""
    receive_rest_seconds: int = _RECEIVE_REST_SECONDS
    """How long no span of a trace has come when a server puts a session together, in seconds; while its first span is
    missing, twelve times as long. ``REVERIE_RECEIVE_REST_SECONDS``."""
    receive_days: int = _RECEIVE_DAYS
    """How long a server keeps the spans of a conversation after the last one. ``REVERIE_RECEIVE_DAYS``: days."""
    otlp_endpoint: str | None = None
    """Where traces and metrics go. ``REVERIE_OTLP_ENDPOINT``: such as ``http://localhost:4318``; default: nowhere."""
    embedder: str | None = None
    """What turns texts into vectors: ``hashed``, ``wordllama`` or another package's. ``REVERIE_EMBEDDER``; default: the
    best at hand."""
    model: ModelSettings | None = None
    """The language model that may help dreams, and runs agents where no routes are given; None is the default."""
    model_routes: Path | None = None
    """Which models run agents. ``REVERIE_MODEL_ROUTES``: a TOML file of routes, see [models](models.md); default: none,
    so that ``REVERIE_MODEL`` answers for every id, or else the providers whose key is set for theirs."""
    web_fetch: bool = True
    """Whether agents may read web pages, as their definitions and environments allow. ``REVERIE_WEB_FETCH``: ``on`` or
    ``off``; default: ``on``."""
    web_fetch_hosts: tuple[str, ...] = ()
    """Hosts that agents may read though they are in a private network. ``REVERIE_WEB_FETCH_HOSTS``: names or addresses
    without a port, after commas; default: none."""
    web_search_url: str | None = None
    """Where agents search the web. ``REVERIE_WEB_SEARCH_URL``: the search address of a SearXNG, or of anything that
    answers ``?q=…&format=json`` as it does, such as ``http://localhost:8080/search``; default: nowhere."""
    secret_keys: tuple[Secret, ...] = ()
    """What vaults are encrypted with: Fernet keys. ``REVERIE_SECRET_KEY``: one, or several after commas of which the
    first encrypts and all decrypt; default: one that is made in ``home``, unless the database is external."""
    audit_seal_minutes: int = _SEAL_MINUTES
    """How often a server seals what was added to the history. ``REVERIE_AUDIT_SEAL_MINUTES``: minutes, 0 is never;
    default: 60."""
    audit_seal_file: Path | None = None
    """Where seals are kept outside the database too. ``REVERIE_AUDIT_SEAL_FILE``: a file to which each is appended as a
    line of JSON, see [audit](audit.md); default: nowhere."""
    audit_key: Path | None = None
    """What signs seals. ``REVERIE_AUDIT_KEY``: a file made by ``reverie audit keygen``; default: nothing."""
    store: str | None = None
    """The memory store that hooks brief sessions from. ``REVERIE_STORE``: its name or id, see [Claude
    Code](claude-code.md); default: the one named as the project's folder, else ``default``."""
    hook_seconds: float = _HOOK_SECONDS
    """How long a hook may keep a coding assistant waiting, in seconds. ``REVERIE_HOOK_SECONDS``: 0 gives no
    briefings."""
    spool: Path | None = None
    """Where sessions that a program records wait until they have arrived. ``REVERIE_SPOOL``: a folder; default: one in
    the platform's user state folder, see [record](record.md)."""


def load_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings.

    Raises:
        SettingsError: a variable holds a value that cannot be used.
    """
    return Settings(
        home=home_folder(environment),
        database_url=environment.get("REVERIE_DATABASE_URL") or environment.get("DATABASE_URL") or None,
        workers=_load_count(environment, "REVERIE_WORKERS", os.cpu_count() or 1),
        redaction=_load_switch(environment, "REVERIE_REDACTION"),
        dreams=_load_count(environment, "REVERIE_DREAMS", _DREAMS),
        import_bytes=_load_count(environment, "REVERIE_IMPORT_BYTES", _IMPORT_BYTES),
        receive_rest_seconds=_load_count(environment, "REVERIE_RECEIVE_REST_SECONDS", _RECEIVE_REST_SECONDS, least=0),
        receive_days=_load_count(environment, "REVERIE_RECEIVE_DAYS", _RECEIVE_DAYS),
        otlp_endpoint=_load_endpoint(environment, "REVERIE_OTLP_ENDPOINT"),
        embedder=environment.get("REVERIE_EMBEDDER") or None,
        model=_load_model(environment),
        model_routes=_load_path(environment.get("REVERIE_MODEL_ROUTES")),
        web_fetch=_load_switch(environment, "REVERIE_WEB_FETCH"),
        web_fetch_hosts=_load_hosts(environment.get("REVERIE_WEB_FETCH_HOSTS")),
        web_search_url=_load_endpoint(environment, "REVERIE_WEB_SEARCH_URL"),
        secret_keys=_load_secret_keys(environment.get("REVERIE_SECRET_KEY")),
        audit_seal_minutes=_load_count(environment, "REVERIE_AUDIT_SEAL_MINUTES", _SEAL_MINUTES, least=0),
        audit_seal_file=_load_path(environment.get("REVERIE_AUDIT_SEAL_FILE")),
        audit_key=_load_path(environment.get("REVERIE_AUDIT_KEY")),
        store=environment.get("REVERIE_STORE") or None,
        hook_seconds=_load_hook_seconds(environment.get("REVERIE_HOOK_SECONDS")),
        spool=load_spool(environment),
    )


def home_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the data, also where another setting cannot be used."""
    home = environment.get("REVERIE_HOME") or platformdirs.user_data_dir("reverie", appauthor=False)
    return Path(home).expanduser().resolve()


def _load_hook_seconds(text: str | None) -> float:
    seconds = _positive(text) if text else _HOOK_SECONDS
    if seconds is None:
        raise SettingsError(f"REVERIE_HOOK_SECONDS={text!r} is not a number of seconds, 0 or more")
    return seconds


def _load_count(environment: Mapping[str, str], name: str, default: int, least: int = 1) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise SettingsError(f"{name}={text!r} is not a whole number of {least} or more; unset it or give one")
    return int(text)


def _load_switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "on"
    if text not in ("on", "off"):
        raise SettingsError(f"{name}={text!r} must be 'on' or 'off'")
    return text == "on"


def _load_endpoint(environment: Mapping[str, str], name: str) -> str | None:
    text = environment.get(name)
    if text and not text.startswith(("http://", "https://")):
        raise SettingsError(f"{name}={text!r} must start with http:// or https://")
    return text or None


def _load_hosts(text: str | None) -> tuple[str, ...]:
    hosts = tuple(part.strip().lower().strip("[]").rstrip(".") for part in (text or "").split(",") if part.strip())
    for host in hosts:
        if "/" in host or "@" in host or (host.count(":") == 1):
            raise SettingsError(f"REVERIE_WEB_FETCH_HOSTS: {host!r} is no host; give names without http:// and port")
    return hosts


def _load_secret_keys(text: str | None) -> tuple[Secret, ...]:
    keys = tuple(Secret(part.strip()) for part in (text or "").split(",") if part.strip())
    for number, key in enumerate(keys, 1):
        try:
            length = len(base64.urlsafe_b64decode(key))
        except (binascii.Error, ValueError):
            length = 0
        if length != _SECRET_KEY_BYTES:
            raise SettingsError(
                f"REVERIE_SECRET_KEY: key {number} is not {_SECRET_KEY_BYTES} bytes in url-safe base64; "
                "make one with: openssl rand -base64 32 | tr '+/' '-_'"
            )
    return keys


def _load_model(environment: Mapping[str, str]) -> ModelSettings | None:
    named = environment.get("REVERIE_MODEL")
    if not named:
        return None
    provider, _, model = named.partition(":")
    if (provider not in _KEY_VARIABLES and not _has_extension(provider)) or not model:
        others = "".join(f" or '{one.name}:MODEL'" for one in installed(MODELS))
        raise SettingsError(f"REVERIE_MODEL={named!r} must be 'anthropic:MODEL' or 'openai:MODEL'{others}")
    base_url = environment.get("REVERIE_MODEL_URL") or None
    if base_url is not None and not base_url.startswith(("http://", "https://")):
        raise SettingsError(f"REVERIE_MODEL_URL={base_url!r} must start with http:// or https://")
    key = environment.get("REVERIE_MODEL_KEY")
    if not key and base_url is None and provider in _KEY_VARIABLES:  # A provider's own key is for nobody else.
        key = environment.get(_KEY_VARIABLES[provider])
        if not key:
            raise SettingsError(f"REVERIE_MODEL={named!r} needs {_KEY_VARIABLES[provider]} or REVERIE_MODEL_KEY")
    return ModelSettings(
        provider=provider,
        model=model,
        base_url=base_url,
        api_key=Secret(key) if key else None,
        price=read_price("REVERIE_MODEL_PRICE", environment.get("REVERIE_MODEL_PRICE")),
        timeout_seconds=_load_timeout(environment.get("REVERIE_MODEL_TIMEOUT")),
    )


def _has_extension(provider: str) -> bool:
    return any(one.name == provider for one in installed(MODELS))


def load_spool(environment: Mapping[str, str] = os.environ) -> Path | None:
    """:attr:`Settings.spool` alone, for programs that record to a server and need no other setting."""
    return _load_path(environment.get("REVERIE_SPOOL"))


def _load_path(text: str | None) -> Path | None:
    return Path(text).expanduser().resolve() if text else None


def read_price(name: str, text: str | None) -> ModelPrice | None:
    """Dollars per million tokens from ``input/output[/cache read/cache write]``; None without a text.

    Raises:
        SettingsError: it is something else; ``name`` is what it was given as.
    """
    if not text:
        return None
    numbers = [_positive(part) for part in text.split("/")]
    if len(numbers) not in (2, 4) or None in numbers:
        raise SettingsError(f"{name}={text!r} must be dollars per million tokens, such as 3/15 or 3/15/0.3/3.75")
    return ModelPrice(*cast(list[float], numbers))


def _load_timeout(text: str | None) -> float:
    seconds = _positive(text) if text else _TIMEOUT_SECONDS
    if not seconds:
        raise SettingsError(f"REVERIE_MODEL_TIMEOUT={text!r} is not a number of seconds above 0")
    return seconds


def _positive(text: str) -> float | None:
    """The number in ``text`` when it is finite and not below 0."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number < float("inf") else None
