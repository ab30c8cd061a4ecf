"""A change of an agent by itself: checked, and tried as a version that is not the agent's yet."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog

from reverie.agents.bounds import Approval, Bounds, ChangePolicy
from reverie.agents.definition import changed_definition
from reverie.agents.guidance_block import with_advice
from reverie.agents.merge_patch import difference
from reverie.agents.self_change import Change, check_change
from reverie.errors import ConflictError, InputError, StateError
from reverie.ids import new_id
from reverie.lessons.lesson import Scope
from reverie.memory.screening import screen
from reverie.runtime.briefing import BriefingItem
from reverie.storage.live.briefings import lesson_items
from reverie.storage.live.forecasts import count_sessions, measure_guardrails
from reverie.storage.live.self_changes import (
    SelfChangeRow,
    change_of_trial,
    insert_change,
    read_change,
    standing_trial,
)
from reverie.storage.live.trials import TrialRow, insert_trial, set_state
from reverie.storage.postgres.act import record_act, system_actor
from reverie.storage.postgres.database import Connection
from reverie.storage.service.agent_bounds import StoredBounds, guided_agents, read_bounds
from reverie.storage.service.agents import AgentVersion, add_candidate, next_version, read_agent
from reverie.trials.forecast import foresee, has_traffic, told_low_traffic
from reverie.trials.trial import Subject, Trial

_SUPERSEDED = "another change of the agent is tried"

log = structlog.get_logger("reverie.self_changes")


class Asked(msgspec.Struct, frozen=True):
    """Who asks for a change, and why."""

    by: str
    """An API key's id, or a dream's."""
    reason: str
    lesson_ids: tuple[str, ...] = ()


async def hold_agent(connection: Connection, agent_id: str) -> tuple[AgentVersion, TrialRow | None]:
    """The agent, held so that one change at a time is asked for, and the trial of another one that goes on.

    Raises:
        NotFoundError: there is no such agent.
        StateError: it is archived.
        ConflictError: a change of it is tried.
    """
    await standing_trial(connection, agent_id, lock=True)  # before the agent, as whoever decides it does
    agent = await read_agent(connection, agent_id, lock=True)
    if agent.archived:
        raise StateError(f"agent {agent.id} is archived; it changes no more", code="agent_archived")
    trial = await standing_trial(connection, agent_id)
    if trial is not None and trial.state != "adopted":
        raise ConflictError(
            f"agent {agent_id} has a change in trial already ({trial.id}); decide it first: one goes on at a time"
        )
    return agent, trial


async def propose(
    connection: Connection,
    agent_id: str,
    body: Mapping[str, Any],
    metadata: Mapping[str, str],
    asked: Asked,
    now: datetime,
) -> SelfChangeRow:
    """Begin the trial of a change.

    Args:
        body: fields of the definition as they are to be; those that are left out are kept.
        metadata: the whole of it, as it is to be.

    Raises:
        NotFoundError: there is no such agent.
        StateError: it is archived.
        ConflictError: a change of it is tried.
        BoundsError: the change is outside of the agent's bounds.
        InputError: it breaks a rule of agents.
    """
    agent, standing = await hold_agent(connection, agent_id)
    bounds = await read_bounds(connection, agent_id)
    definition = changed_definition(agent.definition, body, metadata)
    adopted = await adopted_lessons(connection, bounds.bounds, agent.definition["name"])
    change = check_change(agent.definition, bounds.bounds, definition, [item.text for item in adopted])
    if standing is not None:
        await set_state(connection, standing, "ended", _SUPERSEDED, now)
    version = await next_version(connection, agent.id)
    candidate = AgentVersion(agent.id, version, definition, agent.created_at, now)
    await add_candidate(connection, candidate)
    trial = await _begin(connection, candidate, change, bounds.bounds.live, asked, now)
    row = _row(agent, candidate, trial, change, bounds, asked, now)
    await insert_change(connection, row)
    return await read_change(connection, agent_id, row.id)


async def present_approval(connection: Connection, trial: TrialRow) -> Approval:
    """Who decides a change that is tried, by the bounds that stand now.

    Raises:
        BoundsError: they do not let it through any more.
    """
    change = await change_of_trial(connection, trial.id)
    stored = await read_bounds(connection, change.agent_id)
    if stored.version == change.bounds_version:
        return change.approval
    before = await read_agent(connection, change.agent_id, change.base_version)
    after = await read_agent(connection, change.agent_id, change.candidate_version)
    adopted = await adopted_lessons(connection, stored.bounds, before.definition["name"])
    checked = check_change(before.definition, stored.bounds, after.definition, [item.text for item in adopted])
    return checked.approval


async def adopted_lessons(connection: Connection, bounds: Bounds, agent: str) -> list[BriefingItem]:
    """The lessons that may stand in an agent's block, best first, as sessions of any kind of task are shown them.

    One that orders agents about, as text from a transcript might, is left out: the block is read as its owner's word.
    """
    stores = () if bounds.guidance is None else bounds.guidance.memory_store_ids
    found = [item for store_id in stores for item in await lesson_items(connection, store_id, agent, None)]
    return sorted((item for item in found if screen(item.text) is None), key=lambda item: (-item.rank, item.subject))


async def propose_guidance(connection: Connection, store_id: str, by: str, now: datetime) -> list[SelfChangeRow]:
    """Ask, for every agent whose bounds let a store's lessons into its block, for the block that they make now.

    An agent of which a change is tried already is passed over, as is one whose owner's prompt has no place for it.
    """
    begun = []
    for agent_id in await guided_agents(connection, store_id):
        agent = await read_agent(connection, agent_id)
        bounds = (await read_bounds(connection, agent_id)).bounds
        if bounds.guidance is None or bounds.guidance.approval == "never":
            continue
        lessons = await adopted_lessons(connection, bounds, agent.definition["name"])
        asked = Asked(by, f"what {store_id} has adopted", tuple(item.subject for item in lessons))
        try:
            advice = [item.text for item in lessons]
            system = with_advice(agent.definition["system"], advice, bounds.guidance.most_characters)
            if system == agent.definition["system"]:
                continue
            metadata = agent.definition["metadata"]
            change = await propose(connection, agent_id, {"system": system}, metadata, asked, now)
        except (InputError, ConflictError, StateError) as error:
            log.info("no guidance was proposed", agent_id=agent_id, reason=str(error))
            continue
        details = {"change_id": change.id, "title": change.title, "store_id": store_id}
        await record_act(connection, system_actor(by), "agents.self_changes.create", agent_id, "", now, details)
        begun.append(change)
    return begun


async def _begin(
    connection: Connection, candidate: AgentVersion, change: Change, policy: ChangePolicy, asked: Asked, now: datetime
) -> Trial:
    scope = Scope(agent=candidate.definition["name"])
    policy = msgspec.structs.replace(policy, mode="ask" if change.approval == "ask" else "act")
    forecast = foresee(await count_sessions(connection, scope, now), policy)
    trial_id = new_id("trl", now)
    trial = Trial(
        id=trial_id,
        memory_store_id=None,
        subject=Subject("agent_version", (candidate.id,), str(candidate.version)),
        state="trial",
        salt=new_id("salt", now),
        policy=policy,
        guardrails=await measure_guardrails(connection, policy.guardrails, scope),
        batch=trial_id,
        title=change.title,
        created_at=now,
        created_by=asked.by,
        reason="" if has_traffic(forecast, policy) else told_low_traffic(forecast, policy),
    )
    await insert_trial(connection, trial)
    return trial


def _row(
    base: AgentVersion,
    candidate: AgentVersion,
    trial: Trial,
    change: Change,
    bounds: StoredBounds,
    asked: Asked,
    now: datetime,
) -> SelfChangeRow:
    return SelfChangeRow(
        id=new_id("chg", now),
        agent_id=base.id,
        trial_id=trial.id,
        base_version=base.version,
        candidate_version=candidate.version,
        patch=difference(base.definition, candidate.definition),
        steps=change.steps,
        approval=change.approval,
        bounds_version=bounds.version,
        asked_by=asked.by,
        reason=asked.reason,
        lesson_ids=asked.lesson_ids,
        created_at=now,
    )
