"""Charters: what stands, every version, past sessions judged by one, how behaviours stand, alarms, agents resumed."""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    AcknowledgeParams,
    CharterAlarm,
    CharterAlarmListParams,
    CharterParams,
    CharterResumeParams,
    CharterSetParams,
    CharterStandingParams,
    CharterStandings,
    CharterTestParams,
    CharterVersionsParams,
    ResumedAgent,
    StoredCharterVersion,
    TriedCharter,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.jobs.charters import acknowledge, resume, standing
from reverie.runtime.charter import Charter
from reverie.runtime.charter_file import read_charter as charter_in
from reverie.sessions.segment import parse_segment
from reverie.storage.live.charter_alarms import Alarm, list_alarms
from reverie.storage.live.charter_trial import try_charter
from reverie.storage.live.charters import StoredCharter, list_charters, read_charter, write_charter

_CHARTER = "/v1/charter"
_VERSION = RecordType(StoredCharterVersion)
_ALARM = RecordType(CharterAlarm)
_BY_VERSION = Order[StoredCharter](tuple[int], lambda row: (row.version,))
_BY_NUMBER = Order[Alarm](tuple[int], lambda row: (row.number,))


@endpoint("charter.retrieve", "GET", _CHARTER, query=RecordType(CharterParams), answer=_VERSION, extension=True)
async def retrieve(context: RequestContext) -> StoredCharterVersion:
    """Read the charter that stands, or an earlier version of it."""
    query = context.query
    return _wire(await read_charter(context.connection, query.get("agent_id") or "", query.get("version")))


@endpoint(
    "charter.versions.list",
    "GET",
    f"{_CHARTER}/versions",
    query=RecordType(CharterVersionsParams),
    answer=_VERSION,
    is_list=True,
    extension=True,
)
async def list_versions(context: RequestContext) -> dict[str, Any]:
    """List every version of a charter, newest first."""
    query = context.query
    return await answer_page(
        query,
        _wire,
        lambda before, limit: list_charters(context.connection, query.get("agent_id") or "", before, limit),
        _BY_VERSION,
    )


@endpoint(
    "charter.set", "POST", _CHARTER, body=RecordType(CharterSetParams), answer=_VERSION, role="admin", extension=True
)
async def set_charter(context: RequestContext) -> StoredCharterVersion:
    """Set a charter: a new version, by which sessions are judged from now on.

    Earlier versions stay readable. Detectors of behaviours that are counted as before go on.
    """
    agent_id = context.body.get("agent_id") or ""
    stored = await write_charter(context.connection, agent_id, _given(context.body), context.now)
    context.resource_id = agent_id or None
    return _wire(stored)


@endpoint(
    "charter.test",
    "POST",
    f"{_CHARTER}/test",
    body=RecordType(CharterTestParams),
    answer=RecordType(TriedCharter),
    role="read",
    audited=False,
    extension=True,
    transaction=False,
)
async def test(context: RequestContext) -> TriedCharter:
    """Judge past sessions, and tell the rate of each behaviour and where alarms would have been raised."""
    segment, agent_id = parse_segment(context.body.get("where")), context.body.get("agent_id") or ""
    if context.body.get("behaviours") is None:
        async with context.database.connection() as connection:
            charter = (await read_charter(connection, agent_id)).charter
        if context.body.get("run_length") is not None:
            charter = _given(msgspec.to_builtins(charter) | {"run_length": context.body["run_length"]})
    else:
        charter = _given(context.body)
    report = await try_charter(context.database, charter, segment, agent_id or None)
    return TriedCharter(**{name: getattr(report, name) for name in report.__struct_fields__})


@endpoint(
    "charter.standing.retrieve",
    "GET",
    f"{_CHARTER}/standing",
    query=RecordType(CharterStandingParams),
    answer=RecordType(CharterStandings),
    extension=True,
)
async def retrieve_standing(context: RequestContext) -> CharterStandings:
    """Tell how every behaviour stands: its rate so far, the detector's value, and whether an alarm stands."""
    return CharterStandings(tuple(await standing(context.connection, None, context.query.get("agent_id"))))


@endpoint(
    "charter.alarms.list",
    "GET",
    f"{_CHARTER}/alarms",
    query=RecordType(CharterAlarmListParams),
    answer=_ALARM,
    is_list=True,
    extension=True,
)
async def list_all_alarms(context: RequestContext) -> dict[str, Any]:
    """List alarms of charters, newest first."""
    query = context.query
    return await answer_page(
        query,
        _wire_alarm,
        lambda before, limit: list_alarms(
            context.connection,
            query.get("agent_id"),
            standing=bool(query.get("standing")),
            before=before,
            limit=limit,
        ),
        _BY_NUMBER,
    )


@endpoint(
    "charter.alarms.acknowledge",
    "POST",
    f"{_CHARTER}/alarms/{{alarm_id}}/acknowledge",
    body=RecordType(AcknowledgeParams),
    answer=_ALARM,
    role="admin",
    extension=True,
)
async def acknowledge_alarm(context: RequestContext) -> CharterAlarm:
    """Let an alarm stand no more.

    Its detector begins anew, and an agent that it paused goes on.
    """
    alarm_id, note = context.path["alarm_id"], context.body.get("note") or ""
    return _wire_alarm(await acknowledge(context.connection, alarm_id, context.key.id, context.now, note))


@endpoint(
    "charter.resume",
    "POST",
    f"{_CHARTER}/resume",
    body=RecordType(CharterResumeParams),
    answer=RecordType(ResumedAgent),
    role="admin",
    extension=True,
)
async def resume_agent(context: RequestContext) -> ResumedAgent:
    """Let an agent go on that charters paused: the alarms that pause it are acknowledged."""
    agent_id, note = context.body["agent_id"], context.body.get("note") or ""
    context.resource_id = agent_id
    done = await resume(context.connection, agent_id, context.key.id, context.now, note)
    return ResumedAgent(agent_id, tuple(map(_wire_alarm, done)))


def _given(body: Mapping[str, Any]) -> Charter:
    return charter_in({name: body[name] for name in Charter.__struct_fields__ if body.get(name) is not None})


def _wire(stored: StoredCharter) -> StoredCharterVersion:
    document = stored.document
    return StoredCharterVersion(
        stored.agent_id or None,
        stored.version,
        tuple(document["behaviours"]),
        document["run_length"],
        document["rest_minutes"],
        stored.created_at,
    )


def _wire_alarm(alarm: Alarm) -> CharterAlarm:
    told = {name: getattr(alarm, name) for name in alarm.__struct_fields__ if name != "number"}
    return CharterAlarm(**{**told, "charter_agent_id": alarm.charter_agent_id or None})
