"""What a dream writes to each store: one share of an ordinary dream, one for each store of a team's."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from reverie.assist.merger import Merged
from reverie.assist.wording import with_wording
from reverie.dreams.dream import PlacedLesson
from reverie.dreams.joint import MemberLessons, Placed, lessons_in, place_lessons
from reverie.dreams.policy import DreamPolicy
from reverie.errors import DreamInputError, NotFoundError
from reverie.jobs.found import Found
from reverie.jobs.stages.proposals import lessons_of, of_kinds, propose_lessons, with_examples
from reverie.lessons.conflicts import join_outcomes, settle_conflicts
from reverie.lessons.lesson import Lesson
from reverie.mining.member_findings import MemberFindings
from reverie.mining.mine import MiningResult
from reverie.storage.learning.dreams import DreamRow
from reverie.storage.learning.findings import read_member_findings
from reverie.storage.memory.clone import store_origin
from reverie.storage.memory.policies import read_policy
from reverie.storage.postgres.database import Connection
from reverie.storage.service.teams import read_team
from reverie.teams.membership import Team

_FEW = "too few sessions to keep some of them for confirmation, so nothing that they show is offered to the team"


@dataclass(frozen=True)
class Share:
    """What one store is to be told."""

    store_id: str
    agent: str | None
    """Whose private store it is; None of any other."""
    lessons: Sequence[Lesson]
    mined: MiningResult
    """What they rest on; its confirmation tests are the store's."""
    policy: DreamPolicy
    """The store's own."""
    merged: Sequence[Merged] = ()
    """What a model made of the store's documents."""
    offered: frozenset[str] = frozenset()
    """Ids of lessons that enter as trials, whatever the policy says of others."""
    placed: Sequence[PlacedLesson] = ()
    notes: tuple[str, ...] = ()


async def share_out(connection: Connection, dream: DreamRow, found: Found, policy: DreamPolicy) -> list[Share]:
    """The shares of a dream, by the ids of their stores: whoever locks several holds them in this order.

    Raises:
        DreamInputError: the team was taken back meanwhile.
    """
    pooled = with_wording(await propose_lessons(connection, dream, found, policy), found.words.advice)
    merged = found.own_words.merged if found.own_words else ()
    if dream.request.team is None:
        return [Share(dream.memory_store_id, None, pooled, found.mined, policy, merged)]
    try:
        team = await read_team(connection, dream.request.team)
    except NotFoundError as error:
        raise DreamInputError(f"{error}: it was taken back meanwhile", "input_memory_store_unavailable") from error
    members = await read_member_findings(connection, dream.id)
    lessons = [await _lessons_of_member(connection, team, one, policy) for one in members]
    placed = place_lessons(team, pooled, lessons)
    shares = [_share(team.memory_store_id, None, placed, found.mined, policy, merged)]
    for one in members:
        private = team.private_store(one.agent)
        if private is not None:
            shares.append(_share(private, one.agent, placed, one.own, await read_policy(connection, private)))
    few = [one.agent for one in members if not one.has_confirmation]
    if few:
        shares[0] = dataclasses.replace(shares[0], notes=(f"{', '.join(few)}: {_FEW}",))
    return sorted(shares, key=lambda share: share.store_id)


def _share(
    store_id: str,
    agent: str | None,
    placed: Sequence[Placed],
    mined: MiningResult,
    policy: DreamPolicy,
    merged: Sequence[Merged] = (),
) -> Share:
    here = [one.place for one in placed if one.place.memory_store_id == store_id]
    offered = frozenset(place.lesson_id for place in here if place.way == "offered")
    return Share(store_id, agent, lessons_in(placed, store_id), mined, policy, merged, offered, here)


async def _lessons_of_member(
    connection: Connection, team: Team, member: MemberFindings, policy: DreamPolicy
) -> MemberLessons:
    """What the sessions of one agent amount to, for its own store and, under other ids, for the team's."""
    shared, private = await store_origin(connection, team.memory_store_id), team.private_store(member.agent)
    # Where its lessons stand among those of the team, they have ids of their own.
    own_ids = f"{shared} {member.agent}" if private is None else await store_origin(connection, private)
    own = await lessons_of(connection, member.own, own_ids, member.agent, {})
    # What no other sessions of the agent could confirm is good for the agent, and not for others.
    found = (
        member.to_share
        if member.has_confirmation
        else msgspec.structs.replace(member.to_share, findings=(), outcomes=())
    )
    to_share = await lessons_of(connection, found, shared, member.agent, {})
    return MemberLessons(
        member.agent,
        settle_conflicts(join_outcomes(of_kinds(await with_examples(connection, own), policy))),
        settle_conflicts(join_outcomes(of_kinds(to_share, policy))),
    )
