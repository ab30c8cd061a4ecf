"""Rules on tool calls: what stands, every version, what they would have stopped, and where they held."""

from collections.abc import Mapping
from typing import Any

import msgspec

from reverie.api.endpoint import endpoint
from reverie.api.pages import Order, answer_page
from reverie.api.records import (
    RuleFiring,
    RuleFiringListParams,
    RuleSetParams,
    RulesParams,
    RuleTestParams,
    RuleVersionsParams,
    SessionRuleFiring,
    StoredRuleSet,
    TriedRules,
)
from reverie.api.request_context import RequestContext
from reverie.api.wire_type import RecordType
from reverie.runtime.rule import RuleSet
from reverie.runtime.rule_file import read_rules as rules_in
from reverie.sessions.segment import parse_segment
from reverie.storage.live.rule_trial import try_rules
from reverie.storage.live.rules import (
    SessionFiring,
    StoredFiring,
    StoredRules,
    list_firings,
    list_firings_of_agent,
    list_rules,
    read_rules,
    write_rules,
)
from reverie.storage.live.sessions import read_session
from reverie.storage.service.agents import read_agent

_RULES = "/v1/rules"
_SET = RecordType(StoredRuleSet)
_BY_VERSION = Order[StoredRules](tuple[int], lambda row: (row.version,))
_LATEST = Order[SessionFiring](
    tuple[int, int, str, str], lambda row: (row.session_key, row.sequence, row.agent_id, row.rule)
)
_BY_PLACE = Order[StoredFiring](tuple[int, str, str], lambda row: (row.sequence, row.agent_id, row.rule))


@endpoint("rules.retrieve", "GET", _RULES, query=RecordType(RulesParams), answer=_SET, extension=True)
async def retrieve(context: RequestContext) -> StoredRuleSet:
    """Read the rules that stand, or an earlier version of them."""
    query = context.query
    return _wire(await read_rules(context.connection, query.get("agent_id") or "", query.get("version")))


@endpoint(
    "rules.versions.list",
    "GET",
    f"{_RULES}/versions",
    query=RecordType(RuleVersionsParams),
    answer=_SET,
    is_list=True,
    extension=True,
)
async def list_versions(context: RequestContext) -> dict[str, Any]:
    """List every version of a rule set, newest first."""
    query = context.query
    return await answer_page(
        query,
        _wire,
        lambda before, limit: list_rules(context.connection, query.get("agent_id") or "", before, limit),
        _BY_VERSION,
    )


@endpoint("rules.set", "POST", _RULES, body=RecordType(RuleSetParams), answer=_SET, role="admin", extension=True)
async def set_rules(context: RequestContext) -> StoredRuleSet:
    """Set rules: a new version, which stands from the next reply of a model on.

    Earlier versions stay readable.
    """
    agent_id = context.body.get("agent_id") or ""
    if agent_id:
        await read_agent(context.connection, agent_id)
    stored = await write_rules(context.connection, agent_id, _given(context.body), context.now)
    context.resource_id = agent_id or None
    return _wire(stored)


@endpoint(
    "rules.test",
    "POST",
    f"{_RULES}/test",
    body=RecordType(RuleTestParams),
    answer=RecordType(TriedRules),
    role="read",
    audited=False,
    extension=True,
    transaction=False,
)
async def test(context: RequestContext) -> TriedRules:
    """Replay past sessions, and tell what rules would have stopped."""
    segment = parse_segment(context.body.get("where"))
    if context.body.get("rules") is None:
        async with context.database.connection() as connection:
            rules = (await read_rules(connection, context.body.get("agent_id") or "")).as_version.rules
    else:
        rules = _given(context.body)
    report = await try_rules(context.database, rules, segment)
    return TriedRules(**msgspec.structs.asdict(report))


@endpoint(
    "sessions.rule_firings.list",
    "GET",
    "/v1/sessions/{session_id}/rule_firings",
    query=RecordType(RuleFiringListParams),
    answer=RecordType(RuleFiring),
    is_list=True,
    extension=True,
)
async def list_of_session(context: RequestContext) -> dict[str, Any]:
    """List where rules held in a session, in the order of its log."""
    session = await read_session(context.connection, context.path["session_id"])
    return await answer_page(
        context.query,
        lambda one: RuleFiring(**{**msgspec.structs.asdict(one), "agent_id": one.agent_id or None}),
        lambda after, limit: list_firings(context.connection, session.id, after, limit),
        _BY_PLACE,
    )


@endpoint(
    "agents.rule_firings.list",
    "GET",
    "/v1/agents/{agent_id}/rule_firings",
    query=RecordType(RuleFiringListParams),
    answer=RecordType(SessionRuleFiring),
    is_list=True,
    extension=True,
)
async def list_of_agent(context: RequestContext) -> dict[str, Any]:
    """List where rules held in the sessions of an agent, the latest session first."""
    agent = await read_agent(context.connection, context.path["agent_id"])
    return await answer_page(
        context.query,
        _wire_firing,
        lambda before, limit: list_firings_of_agent(context.connection, agent.id, before, limit),
        _LATEST,
    )


def _wire_firing(one: SessionFiring) -> SessionRuleFiring:
    told = {name: getattr(one, name) for name in one.__struct_fields__ if name != "session_key"}
    return SessionRuleFiring(**{**told, "agent_id": one.agent_id or None})


def _given(body: Mapping[str, Any]) -> RuleSet:
    return rules_in({name: body[name] for name in ("rules", "circuit_breaker") if body.get(name) is not None})


def _wire(stored: StoredRules) -> StoredRuleSet:
    document = stored.document
    return StoredRuleSet(
        stored.agent_id or None,
        stored.version,
        tuple(document["rules"]),
        document["circuit_breaker"],
        stored.created_at,
    )
