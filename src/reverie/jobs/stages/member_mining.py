"""The part of mining that a team's joint dream adds: the sessions of each agent by themselves."""

import asyncio
import dataclasses
from collections.abc import Sequence

from reverie.dreams.request import member_segment
from reverie.jobs.stages.stage import OpenDream, Stage
from reverie.mining.member_findings import MemberFindings
from reverie.mining.mine import MiningResult, mine
from reverie.mining.outcome import Measures
from reverie.mining.policy import MiningPolicy
from reverie.statistics.corpus import Corpus
from reverie.statistics.online import AlphaWealth
from reverie.storage.learning.dreams import read_wealth
from reverie.storage.learning.findings import write_member_findings
from reverie.storage.learning.measures import load_measures
from reverie.storage.service.teams import read_team
from reverie.teams.membership import Member, Team

_Read = tuple[Corpus, Measures, Sequence[str] | None]
"""The sessions of an agent: columns, other outcomes, task families where tasks do not repeat."""


async def mine_members(stage: Stage) -> None:
    """Test every behaviour on each agent's sessions by themselves, where the dream is a team's."""
    policy = stage.runtime.policy
    async with stage.opened() as dream:
        if dream.row.request.team is None:
            return
        team = await read_team(dream.connection, dream.row.request.team)
        read = [await _read_member(dream, team, member) for member in team.members]
    found = [await _mine_member(*one, policy.mining) for one in read]
    async with stage.runtime.database.connection() as connection:
        await write_member_findings(connection, stage.dream_id, found)


async def _read_member(dream: OpenDream, team: Team, member: Member) -> tuple[Member, AlphaWealth, _Read, _Read | None]:
    """An agent's sessions as its own store learns from them, and as the team may; None where that is the same.

    An agent without a private store learns from those that the team may learn from.
    """
    private = team.private_store(member.agent)
    wealth = AlphaWealth() if private is None else await read_wealth(dream.connection, private)
    trusted = await _read(dream, member.agent, untrusted=False)
    if private is None:
        return member, wealth, trusted, None
    own = await _read(dream, member.agent, untrusted=True)
    return member, wealth, own, None if own[0].session_ids == trusted[0].session_ids else trusted


async def _read(dream: OpenDream, agent: str, *, untrusted: bool) -> _Read:
    policy, last_key = dream.runtime.policy, dream.last_session_key
    segment = member_segment(dream.row.request, agent, untrusted=untrusted)
    narrowed = dataclasses.replace(dream, segment=segment)
    corpus = await narrowed.corpus()
    measures = await load_measures(
        dream.connection, segment, last_key, corpus.session_ids, policy.mining.outcomes, policy.metrics
    )
    return corpus, measures, await narrowed.families(corpus)


async def _mine_member(
    member: Member, wealth: AlphaWealth, own: _Read, trusted: _Read | None, policy: MiningPolicy
) -> MemberFindings:
    return MemberFindings(
        member.agent,
        await _mine(own, wealth, policy),
        None if trusted is None else await _mine(trusted, wealth, policy),
    )


async def _mine(read: _Read, wealth: AlphaWealth, policy: MiningPolicy) -> MiningResult:
    corpus, measures, families = read
    return await asyncio.to_thread(mine, corpus, policy, wealth, families, measures)
