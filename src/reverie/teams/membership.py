"""Teams as they were declared: who belongs to one, what it remembers together, and what each agent has for itself."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from reverie.errors import InputError

UNTRUSTED = "reverie_untrusted"
"""Metadata of a session whose lessons and notes stay in its agent's private store."""
TRUSTED_VALUES = ("", "0", "false", "no", "off")
"""What the entry may say, in any case, of a session that is trusted all the same; anything else marks it."""
MOST_MEMBERS = 20
_LONGEST_NAME = 256


class Member(msgspec.Struct, frozen=True):
    """An agent of a team."""

    agent: str
    """The name that its sessions bear."""
    memory_store_id: str | None = None
    """Its private store, where lessons for it go; None leaves them to the team's store, where they name the agent."""


class Team(msgspec.Struct, frozen=True):
    """Agents that share a store."""

    id: str
    name: str
    memory_store_id: str
    """The team's store: members read it, dreams and people write it."""
    members: tuple[Member, ...]
    created_at: datetime

    @property
    def agents(self) -> tuple[str, ...]:
        """Names of the members, in their order."""
        return tuple(member.agent for member in self.members)

    def private_store(self, agent: str) -> str | None:
        """The private store of a member; None of who has none, or is none."""
        return next((one.memory_store_id for one in self.members if one.agent == agent), None)


class StorePlace(msgspec.Struct, frozen=True):
    """What a store is to teams and agents; at most one of both."""

    owner: str | None = None
    """The agent whose sessions alone may read it."""
    team: str | None = None
    """The name of the team that remembers here."""

    def is_open_to(self, agent: str | None) -> bool:
        """Whether sessions of this agent may read it; of an agent that nobody names, nothing is known."""
        return self.owner is None or self.owner == agent


ORDINARY = StorePlace()


def is_for_another(place: StorePlace, whom: str | None, agent: str | None) -> bool:
    """Whether a lesson of a store is kept from this agent, since a team learned it for another one.

    Args:
        whom: the agent that the lesson's scope names, if any.
        agent: who asks; None where nobody says.
    """
    return place.team is not None and whom is not None and agent is not None and whom != agent


def is_untrusted(metadata: Mapping[str, object]) -> bool:
    """Whether a session is marked as one whose lessons and notes stay private."""
    told = metadata.get(UNTRUSTED)
    return told is not None and str(told).lower() not in TRUSTED_VALUES


def why_not_written(store_id: str, place: StorePlace, *, untrusted: bool) -> str | None:
    """Why a session, which may read the store, must not write to it; None where it may."""
    if place.team is not None:
        return (
            f"memory store {store_id} is what the team {place.team!r} remembers together: its sessions read it, "
            "dreams and people write it; keep notes in a store of the agent's own"
        )
    if untrusted and place.owner is None:
        return (
            f"this session is marked {UNTRUSTED}: what it notes stays in its agent's private store, "
            f"and memory store {store_id} is none"
        )
    return None


def check_members(name: str, members: tuple[Member, ...]) -> None:
    """Accept a team as it is declared.

    Raises:
        InputError: the name, the number of members or one of them breaks a rule.
    """
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InputError(f"name: give 1 to {_LONGEST_NAME} characters without line ends")
    if not 2 <= len(members) <= MOST_MEMBERS:
        raise InputError(f"members: {len(members)} agents; a team has 2 to {MOST_MEMBERS}")
    agents = [member.agent for member in members]
    for agent in agents:
        if not agent.strip() or len(agent) > _LONGEST_NAME:
            raise InputError(f"members.agent: {agent!r} is no name of an agent; give 1 to {_LONGEST_NAME} characters")
        if agents.count(agent) > 1:
            raise InputError(f"members.agent: {agent!r} is there twice; give each agent once")
    stores = [member.memory_store_id for member in members if member.memory_store_id is not None]
    for store in stores:
        if stores.count(store) > 1:
            raise InputError(f"members.memory_store_id: {store} is given to two agents; a private store has one owner")
