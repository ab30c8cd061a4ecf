"""Where the lessons of a team's joint dream go: to an agent's own store, or to the store that the team shares.

What an agent does by itself, and how it hands over, is judged on its own sessions and goes to its own store. What an
agent does with a task that it was given goes to that agent's. What concerns both goes to the team's. Beyond that the
team's store takes nothing but what holds in the sessions of two agents at least, each by itself; that is offered, and
enters as a trial.
"""

from collections.abc import Mapping, Sequence

import msgspec

from reverie.dreams.dream import PlacedLesson, Way
from reverie.ids import derived_id
from reverie.lessons.lesson import Effect, Lesson
from reverie.teams.lesson_home import LessonHome, home_of
from reverie.teams.membership import Team

LEAST_AGENTS = 2
"""Whose sessions must bear a lesson out, each by themselves, before it is offered to their team."""


class MemberLessons(msgspec.Struct, frozen=True):
    """What those findings amount to, under the ids of two stores."""

    agent: str
    own: Sequence[Lesson]
    """For where lessons for this agent go."""
    to_share: Sequence[Lesson]
    """Under the ids that they would have in the team's store."""


class Placed(msgspec.Struct, frozen=True):
    """A lesson and where it goes."""

    lesson: Lesson
    place: PlacedLesson


def place_lessons(team: Team, pooled: Sequence[Lesson], members: Sequence[MemberLessons]) -> list[Placed]:
    """Where each lesson goes.

    Args:
        pooled: of the team's trusted sessions together, under ids of the team's store.
        members: of each agent's sessions by themselves.
    """
    placed = [placed for member in members for placed in _own(team, member)]
    offers = _offers(team, members)
    shared = [_shared(team, lesson) for lesson in pooled if lesson.id not in offers]
    return [*placed, *shared, *offers.values()]


def _own(team: Team, member: MemberLessons) -> list[Placed]:
    """What an agent's own sessions say of it; of receivers, and of both, the sessions of all say more."""
    private = team.private_store(member.agent)
    where = "its private store" if private else "the team's store, since it has no private one"
    placed = []
    for lesson in member.own:
        home = _home(lesson)
        if home is not None and home.whose != "sender":
            continue
        way: Way = "own" if home is None else "sender"
        what = "how it gives tasks" if home else "what it does"
        reason = f"{what} in its own sessions, so {where}"
        placed.append(_placed(lesson, private or team.memory_store_id, member.agent, way, reason))
    return placed


def _shared(team: Team, lesson: Lesson) -> Placed:
    """Where a lesson of the sessions of all goes, that was not offered."""
    home = _home(lesson)
    if lesson.kind == "training_priority" or (home is not None and home.whose == "team"):
        return _placed(lesson, team.memory_store_id, None, "team", "it concerns the team, so the team's store")
    if home is not None and home.whose == "receiver":
        agent = home.agent
        private = None if agent is None else team.private_store(agent)
        whose = "the private store of whoever was given it" if private else "the team's store"
        reason = f"what is done with a task that was given, so {whose}"
        for_agent = _for(lesson, agent) if private is None else _moved(_for(lesson, agent), private)
        return _placed(for_agent, private or team.memory_store_id, agent, "receiver", reason)
    reason = f"not borne out by itself in the sessions of {LEAST_AGENTS} agents, so it is not offered to the team"
    if lesson.status == "adopted":
        told = f"holds over the sessions of all agents together; {reason}"
        lesson = msgspec.structs.replace(lesson, status="candidate", reason=told)
    return _placed(_unquoted(lesson), team.memory_store_id, None, "held back", reason)


def _offers(team: Team, members: Sequence[MemberLessons]) -> dict[str, Placed]:
    """What two agents' sessions at least bear out, each by themselves, by id."""
    holding: dict[str, list[tuple[str, Lesson]]] = {}
    for member in members:
        for lesson in member.to_share:
            home = _home(lesson)
            if lesson.status == "adopted" and (home is None or home.whose == "sender"):
                holding.setdefault(lesson.id, []).append((member.agent, lesson))
    offered = {}
    for lesson_id, held in holding.items():
        if len(held) >= LEAST_AGENTS:
            lesson = _joined(held)
            offered[lesson_id] = _placed(lesson, team.memory_store_id, None, "offered", lesson.reason)
    return offered


def _joined(held: Sequence[tuple[str, Lesson]]) -> Lesson:
    """One lesson of what several agents' sessions say: with the effect of whom it helps least, and citations of all.

    What a session said word for word stays where it is.
    """
    lessons = [lesson for _, lesson in held]
    least = min(lessons, key=lambda lesson: abs(lesson.effect.estimate))
    first = [lesson.first_seen_at for lesson in lessons if lesson.first_seen_at is not None]
    last = [lesson.last_seen_at for lesson in lessons if lesson.last_seen_at is not None]
    told = "; ".join(f"{agent} {_interval(lesson.effect)}" for agent, lesson in held)
    return msgspec.structs.replace(
        _unquoted(least),
        scope=msgspec.structs.replace(least.scope, agent=None),
        evidence=tuple(dict.fromkeys(one for lesson in lessons for one in lesson.evidence)),
        counter_examples=tuple(dict.fromkeys(one for lesson in lessons for one in lesson.counter_examples)),
        q_value=max(lesson.q_value for lesson in lessons),
        strata_informative=sum(lesson.strata_informative for lesson in lessons),
        sessions_with=sum(lesson.sessions_with for lesson in lessons),
        sessions_without=sum(lesson.sessions_without for lesson in lessons),
        first_seen_at=min(first, default=None),
        last_seen_at=max(last, default=None),
        reason=f"borne out by itself in the sessions of {len(held)} agents: {told}",
    )


def _interval(effect: Effect) -> str:
    unit = "" if effect.unit == "reward" else f" {effect.unit}"
    return f"{effect.estimate:+.2f} ({effect.low:+.2f} to {effect.high:+.2f}){unit}"


def _home(lesson: Lesson) -> LessonHome | None:
    return None if lesson.act is None else home_of(lesson.act)


def _for(lesson: Lesson, agent: str | None) -> Lesson:
    return msgspec.structs.replace(lesson, scope=msgspec.structs.replace(lesson.scope, agent=agent))


def _moved(lesson: Lesson, store_id: str) -> Lesson:
    """The same claim in another store."""
    return msgspec.structs.replace(lesson, id=derived_id("lsn", store_id, lesson.id))


def _unquoted(lesson: Lesson) -> Lesson:
    return msgspec.structs.replace(lesson, examples=())


def _placed(lesson: Lesson, store_id: str, agent: str | None, way: Way, reason: str) -> Placed:
    return Placed(lesson, PlacedLesson(lesson.id, store_id, agent, way, reason))


def lessons_in(placed: Sequence[Placed], store_id: str) -> list[Lesson]:
    """The lessons that go to a store."""
    return [one.lesson for one in placed if one.place.memory_store_id == store_id]


def stores_of(team: Team) -> Mapping[str, str | None]:
    """The stores that a joint dream writes to, each with the agent that it is private to, in the order of their ids.

    Whoever locks several holds them in this order, so that nobody waits in a circle.
    """
    private = {one.memory_store_id: one.agent for one in team.members if one.memory_store_id is not None}
    return dict(sorted({team.memory_store_id: None, **private}.items()))
