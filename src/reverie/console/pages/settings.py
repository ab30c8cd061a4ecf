"""Settings: how stores learn and when they dream, metrics, keys, and how the server is."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, cast, get_args

import msgspec
from starlette.responses import Response

from reverie.api.records import DreamSchedule, ListParams, ServerReport, StoredApiKey
from reverie.console.links import at
from reverie.console.listing import older, page_asked, read_list
from reverie.console.page import page
from reverie.console.visit import Visit
from reverie.errors import InputError
from reverie.outcomes.metric import Metric
from reverie.trials.policy import Mode

_ALL = "/console/settings"
_STORE = f"{_ALL}/stores/{{store_id}}"
_METRICS, _KEYS, _SERVER = f"{_ALL}/metrics", f"{_ALL}/keys", f"{_ALL}/server"
_STORES = 10
"""Each is asked for its policy."""
_LISTED = 50
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_MODES: Mapping[Mode, str] = {
    "off": "a dream adopts what passes its tests",
    "observe": "lessons are tried; numbers are kept, and nothing is decided",
    "ask": "lessons are tried; a person decides",
    "act": "lessons are tried; outcomes decide",
}


class StoreLine(msgspec.Struct, frozen=True):
    """How a memory store learns."""

    id: str
    name: str
    href: str
    memory_href: str
    mode: str
    holdout: str
    """Share of sessions that are shown nothing of the store; empty where there is none."""
    schedule: str
    next_at: datetime | None
    rests: bool


class KeyLine(msgspec.Struct, frozen=True):
    """A key of the workspace."""

    key: StoredApiKey
    state: str
    revoke: str
    """Where it is revoked; empty where it cannot be from here."""


@page("GET", _ALL, "settings")
async def settings(visit: Visit) -> Response:
    """The memory stores, how they learn and when they dream."""
    listed = await visit.client.beta.memory_stores.list(limit=_STORES, extra_query=page_asked(visit))
    lines = [await _store_line(visit, store.id, store.name) for store in listed.data]
    return visit.show("settings.html", stores=lines, older=older(visit, listed.next_page))


async def _store_line(visit: Visit, store_id: str, name: str) -> StoreLine:
    live = (await visit.client.policy(store_id)).policy["live"]
    schedule = await _schedule_of(visit, store_id)
    upcoming = () if schedule is None or schedule.status == "paused" else schedule.schedule.upcoming_runs_at
    return StoreLine(
        store_id,
        name,
        at("settings", "stores", store_id),
        at("memory", store_id),
        live["mode"],
        f"{live['memory_holdout']:.0%}" if live["memory_holdout"] else "",
        "" if schedule is None else f"{schedule.schedule.expression} {schedule.schedule.timezone}",
        next(iter(upcoming), None),
        schedule is not None and schedule.status == "paused",
    )


async def _schedule_of(visit: Visit, store_id: str) -> DreamSchedule | None:
    async for schedule in visit.client.dream_schedules(store_id=store_id):
        return schedule
    return None


@page("GET", _STORE, "settings")
async def store(visit: Visit) -> Response:
    """How one memory store learns and when it dreams."""
    found = await visit.client.beta.memory_stores.retrieve(visit.path["store_id"])
    policy = (await visit.client.policy(found.id)).policy
    return visit.show(
        "settings_store.html",
        line=await _store_line(visit, found.id, found.name),
        policy=policy,
        live=policy["live"],
        modes=_MODES,
        schedule=await _schedule_of(visit, found.id),
        archived=found.archived_at is not None,
    )


@page("POST", f"{_STORE}/policy", "settings")
async def set_policy(visit: Visit) -> Response:
    """Set whether lessons of a store are tried, and from how many sessions its memory is held out."""
    store_id, mode = visit.path["store_id"], visit.text("mode")
    if mode not in get_args(Mode):
        raise InputError(f"mode: {mode!r} is none of {', '.join(get_args(Mode))}")
    policy = dict((await visit.client.policy(store_id)).policy)
    policy["live"] = {**policy["live"], "mode": mode, "memory_holdout": _number(visit, "holdout", 0.0)}
    await visit.client.set_policy(store_id, policy)
    return visit.go(at("settings", "stores", store_id), said=f"The policy stands: {mode}.")


@page("POST", f"{_STORE}/schedule", "settings")
async def schedule(visit: Visit) -> Response:
    """Have a store dream by itself."""
    store_id = visit.path["store_id"]
    where = visit.text("where") or None
    timezone = visit.text("timezone") or "UTC"
    set_ = await visit.client.schedule_dreams(store_id, visit.text("expression"), timezone=timezone, where=where)
    said = f"It dreams at {set_.schedule.expression} {set_.schedule.timezone}."
    return visit.go(at("settings", "stores", store_id), said=said)


@page("POST", f"{_STORE}/schedule/{{act}}", "settings")
async def change_schedule(visit: Visit) -> Response:
    """Have the schedule of a store rest, go on, or end."""
    store_id, client = visit.path["store_id"], visit.client
    acts = {
        "pause": (client.pause_dream_schedule, "The schedule rests."),
        "unpause": (client.unpause_dream_schedule, "The schedule goes on."),
        "delete": (client.delete_dream_schedule, "The store dreams by itself no more."),
    }
    if visit.path["act"] not in acts:
        raise InputError(f"{visit.path['act']!r} is nothing that can be done with a schedule")
    act, said = acts[visit.path["act"]]
    await act(store_id)
    return visit.go(at("settings", "stores", store_id), said=said)


@page("GET", _METRICS, "settings")
async def metrics(visit: Visit) -> Response:
    """The metrics, and how sessions stand on each."""
    return visit.show("settings_metrics.html", metrics=await visit.client.metrics())


@page("POST", _METRICS, "settings")
async def define_metric(visit: Visit) -> Response:
    """Define a metric, or define it anew."""
    direction = visit.text("direction", "maximize")
    if direction not in ("maximize", "minimize"):
        raise InputError(f"direction: {direction!r} is neither maximize nor minimize")
    metric = Metric(
        visit.text("name"),
        cast(Literal["maximize", "minimize"], direction),
        visit.text("unit"),
        _number(visit, "low", 0.0),
        _number(visit, "high", 1.0),
        _number(visit, "weight", 1.0),
        _number(visit, "target", 0.0) if visit.text("target") else None,
    )
    defined = await visit.client.define_metric(metric)
    return visit.go(_METRICS, said=f"Metric {defined.name} is defined; every session's reward follows.")


def _number(visit: Visit, field: str, default: float) -> float:
    """A field that holds a number; empty is the default.

    Raises:
        InputError: it holds none.
    """
    text = visit.text(field)
    try:
        number = float(text) if text else default
    except ValueError as error:
        raise InputError(f"{field}: {text!r} is no number") from error
    if not math.isfinite(number):
        raise InputError(f"{field}: {text!r} is no number that can be kept")
    return number


@page("GET", _KEYS, "settings")
async def keys(visit: Visit) -> Response:
    """The keys of the workspace, without their secrets."""
    if not visit.may("admin"):
        return visit.show("settings_keys.html", keys=[], older="")
    found = await read_list(visit, "/v1/api_keys", StoredApiKey, ListParams(limit=_LISTED))
    return visit.show(
        "settings_keys.html",
        keys=[_key_line(visit, key) for key in found.data],
        older=older(visit, found.next_page),
    )


def _key_line(visit: Visit, key: StoredApiKey) -> KeyLine:
    if key.revoked_at is not None:
        return KeyLine(key, "revoked", "")
    if key.expires_at is not None and key.expires_at <= visit.now:
        return KeyLine(key, "expired", "")
    if key.id == visit.key.id:
        return KeyLine(key, "this visit", "")
    return KeyLine(key, "in use", at("settings", "keys", key.id, "revoke"))


@page("POST", _KEYS, "settings")
async def make_key(visit: Visit) -> Response:
    """Make a key. Its secret is on the answer to the form alone: nothing keeps it for another page."""
    role = visit.text("role")
    if role not in ("read", "write", "admin"):
        raise InputError(f"role: {role!r} is none of read, write, admin")
    days = visit.text("days")
    if days and not days.isdecimal():
        raise InputError(f"days: {days!r} is no whole number")
    made = await visit.client.create_api_key(
        cast(Literal["read", "write", "admin"], role),
        name=visit.text("name"),
        expires_in_days=int(days[:9]) if days else None,
    )
    return visit.show("settings_key_made.html", key=made)


@page("POST", f"{_KEYS}/{{key_id}}/revoke", "settings")
async def revoke_key(visit: Visit) -> Response:
    """Revoke a key."""
    revoked = await visit.client.revoke_api_key(visit.path["key_id"])
    return visit.go(_KEYS, said=f"Revoked {revoked.id}; servers stop taking it within seconds.")


@page("GET", _SERVER, "settings")
async def server(visit: Visit) -> Response:
    """How the server is, which models answer for agents, and what can be imported."""
    if not visit.may("admin"):
        return visit.show("settings_server.html", server=None, facts=[])
    told = await visit.client.server()
    return visit.show("settings_server.html", server=told, facts=_facts(told))


def _facts(told: ServerReport) -> list[tuple[str, Any]]:
    database, disk = told.database, told.disk
    place = "run by Reverie" if database.embedded else "external"
    return [
        ("Reverie", told.version),
        ("PostgreSQL", f"{database.version}, {place}"),
        ("Latest migration", database.migration),
        ("Database", in_bytes(database.bytes)),
        ("Free on disk", f"{in_bytes(disk.free_bytes)} of {in_bytes(disk.total_bytes)}"),
        ("Dreams", ", ".join(f"{count:,} {status}" for status, count in sorted(told.dreams.items())) or "none"),
        ("Work that waits for a worker", f"{told.queued_work:,}"),
        ("Model that helps dreams", told.dream_model or "none: dreams need none"),
    ]


def in_bytes(number: int) -> str:
    """``512 bytes``, ``1.5 GiB``."""
    power = min(max(number.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    return f"{number:,} bytes" if power == 0 else f"{number / 1024**power:.1f} {_UNITS[power]}"
