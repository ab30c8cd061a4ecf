"""The audit log: who did what to which resource, the seals over the history, and what comparing it with them finds."""

import json
from collections.abc import Mapping

import msgspec
from starlette.responses import Response

from reverie.api.records import AuditLogEntry, AuditLogParams, AuditSeal, ListParams
from reverie.console.links import at
from reverie.console.listing import older, read_list
from reverie.console.page import page
from reverie.console.visit import Visit
from reverie.display_name import numbered

_ALL = "/console/audit"
_LISTED = 50
_SEALS = 10
_PLACES: Mapping[str, str] = {
    "agent": "agents",
    "sesn": "sessions",
    "memstore": "memory",
    "trl": "trials",
    "lsn": "lessons",
    "drm": "dreams",
}
"""Parts of the console by the beginning of an id."""
_SETTLED = ("memory_stores.policy.", "memory_stores.dream_schedule.")
"""Acts on memory stores that the settings show."""


class ActLine(msgspec.Struct, frozen=True):
    """An act."""

    entry: AuditLogEntry
    who: str
    href: str
    """Where what was changed stands; empty where the console shows no such thing."""
    details: str


@page("GET", _ALL, "audit")
async def audit(visit: Visit) -> Response:
    """Acts, newest first, and the latest seals."""
    asked = {name: visit.text(name) for name in ("resource_id", "actor", "action")}
    if not visit.may("admin"):
        return visit.show("audit.html", acts=[], asked=asked, older="", seals=[])
    given = AuditLogParams(limit=_LISTED, **{name: value for name, value in asked.items() if value})
    found = await read_list(visit, "/v1/audit_log", AuditLogEntry, given)
    return visit.show(
        "audit.html",
        acts=[_line(one) for one in found.data],
        asked=asked,
        older=older(visit, found.next_page),
        seals=await _seals(visit),
    )


async def _seals(visit: Visit) -> tuple[AuditSeal, ...]:
    """The latest seals, on the first page alone."""
    if visit.query.get("page"):
        return ()
    return (await read_list(visit, "/v1/audit_log/seals", AuditSeal, ListParams(limit=_SEALS))).data


def _line(entry: AuditLogEntry) -> ActLine:
    actor = entry.actor
    who = str(actor.get("api_key_id") or actor.get("session_id") or actor.get("name") or actor.get("type", ""))
    details = "" if entry.details is None else json.dumps(entry.details, ensure_ascii=False, indent=1)
    return ActLine(entry, who, place_of(entry.action, entry.resource_id or ""), details)


def place_of(action: str, resource_id: str) -> str:
    """Where the console shows what an act changed; empty where it shows no such thing."""
    if action.startswith(_SETTLED):
        return at("settings", "stores", resource_id)
    for part in ("metrics", "api_keys"):
        if action.startswith(f"{part}."):
            return at("settings", part.removeprefix("api_"))
    place = _PLACES.get(resource_id.partition("_")[0])
    return at(place, resource_id) if place else ""


@page("GET", f"{_ALL}/verify", "audit")
async def verify(visit: Visit) -> Response:
    """What comes of comparing the history with its seals."""
    return visit.show("audit_verify.html", told=await visit.client.verify_history())


@page("POST", f"{_ALL}/seal", "audit")
async def seal(visit: Visit) -> Response:
    """Seal what was added since the last seals."""
    sealed = await visit.client.seal_history()
    said = f"{numbered(len(sealed.seals), 'seal')} made." if sealed.seals else "Nothing was added since the last seals."
    return visit.go(_ALL, said=said)
