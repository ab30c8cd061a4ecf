"""Where the lessons of a joint dream go: by what they are about, and by whose sessions bear them out."""

from datetime import UTC, datetime

import msgspec
import pytest

from reverie.digests.behaviour_name import SESSION, read_name
from reverie.dreams.dream import Way
from reverie.dreams.joint import MemberLessons, Placed, place_lessons, stores_of
from reverie.lessons.lesson import Effect, Evidence, Example, Lesson, LessonStatus, Scope
from reverie.teams.membership import Member, Team

TEAM = Team(
    "team_1",
    "desk",
    "memstore_t",
    (Member("lead", "memstore_l"), Member("writer", "memstore_w"), Member("clerk")),
    datetime(2026, 1, 1, tzinfo=UTC),
)


def lesson(
    behaviour: str, *, agent: str | None = None, status: LessonStatus = "adopted", effect: float = 0.3
) -> Lesson:
    """A lesson under an id of the team's store; of an agent's own sessions where it names one."""
    return Lesson(
        id=f"lsn_{behaviour}",
        kind="best_practice",
        scope=Scope(agent=agent),
        behaviour=behaviour,
        effect=Effect(effect, effect - 0.1, effect + 0.1),
        q_value=0.01,
        strata_informative=10,
        sessions_with=50,
        sessions_without=50,
        evidence=(Evidence(f"{agent}-1", "e"),),
        status=status,
        reason="found and confirmed",
        do="do it",
        moment=SESSION,
        act=read_name(behaviour),
        examples=(Example(f"{agent}-1", "e", "what the session said"),),
    )


def member(agent: str, *lessons: Lesson) -> MemberLessons:
    own = [msgspec.structs.replace(one, id=f"{one.id} of {agent}") for one in lessons]
    return MemberLessons(agent, own, lessons)


def found_by(*agents: str, behaviour: str = "call:verify", effect: float = 0.3) -> list[MemberLessons]:
    """Each of these agents' sessions bear the behaviour out."""
    return [member(agent, lesson(behaviour, agent=agent, effect=effect)) for agent in agents]


def where(placed: list[Placed]) -> set[tuple[str, str, str | None, Way]]:
    return {(one.lesson.behaviour, one.place.memory_store_id, one.lesson.scope.agent, one.place.way) for one in placed}


@pytest.mark.parametrize(
    ("behaviour", "agent", "expected"),
    [
        ("call:verify", "lead", ("memstore_l", "lead", "own")),
        ("call:verify", "clerk", ("memstore_t", "clerk", "own")),
        ("brief:writer done", "lead", ("memstore_l", "lead", "sender")),
        ("brief:writer done", "clerk", ("memstore_t", "clerk", "sender")),
    ],
)
def test_what_an_agents_own_sessions_say_goes_to_its_own_store_or_names_it_in_the_teams(
    behaviour: str, agent: str, expected: tuple[str, str, Way]
) -> None:
    placed = place_lessons(TEAM, [], [member(agent, lesson(behaviour, agent=agent))])
    assert where(placed) == {(behaviour, *expected)}


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        ("repeats another thread:call:grep", ("memstore_t", None, "team")),
        ("verified before report:writer", ("memstore_w", "writer", "receiver")),
        ("verified before report:clerk", ("memstore_t", "clerk", "receiver")),
        ("reports evidence:stranger", ("memstore_t", "stranger", "receiver")),
    ],
)
def test_what_is_done_with_a_task_and_what_concerns_both_is_told_from_all_sessions_once(
    behaviour: str, expected: tuple[str, str | None, Way]
) -> None:
    members = [member("lead", lesson(behaviour, agent="lead"))]
    assert where(place_lessons(TEAM, [lesson(behaviour)], members)) == {(behaviour, *expected)}


def test_a_lesson_in_another_store_has_an_id_of_its_own_that_stays() -> None:
    placed = [place_lessons(TEAM, [lesson("asked back:writer")], [])[0] for _ in range(2)]
    assert placed[0] == placed[1] and placed[0].lesson.id != lesson("asked back:writer").id
    assert placed[0].place.lesson_id == placed[0].lesson.id


def test_what_one_agent_alone_bears_out_is_held_back_whatever_all_sessions_say() -> None:
    placed = place_lessons(TEAM, [lesson("call:verify")], found_by("lead"))
    assert where(placed) == {
        ("call:verify", "memstore_l", "lead", "own"),
        ("call:verify", "memstore_t", None, "held back"),
    }
    (held,) = [one.lesson for one in placed if one.place.way == "held back"]
    assert (held.status, held.examples) == ("candidate", ())


@pytest.mark.parametrize("pooled", [[], [lesson("call:verify")], [lesson("call:verify", status="refused")]])
def test_what_two_agents_bear_out_each_is_offered_whatever_all_sessions_say(pooled: list[Lesson]) -> None:
    members = [*found_by("lead", effect=0.4), *found_by("writer", effect=0.2)]
    (offer,) = [one.lesson for one in place_lessons(TEAM, pooled, members) if one.place.way == "offered"]
    assert (offer.id, offer.status, offer.scope.agent) == ("lsn_call:verify", "adopted", None)
    assert offer.effect.estimate == 0.2 and offer.examples == ()
    assert [one.session_id for one in offer.evidence] == ["lead-1", "writer-1"]
    assert (offer.sessions_with, offer.strata_informative) == (100, 20)
    assert offer.reason == (
        "borne out by itself in the sessions of 2 agents: lead +0.40 (+0.30 to +0.50); writer +0.20 (+0.10 to +0.30)"
    )


def test_what_an_agent_only_suspects_counts_for_no_offer() -> None:
    members = [*found_by("lead"), member("writer", lesson("call:verify", agent="writer", status="candidate"))]
    assert not any(one.place.way == "offered" for one in place_lessons(TEAM, [], members))


def test_what_may_not_be_shared_is_not_offered_though_its_agents_own_store_has_it() -> None:
    secret = msgspec.structs.replace(found_by("writer")[0], to_share=())
    placed = place_lessons(TEAM, [], [*found_by("lead"), secret])
    assert {one.place.way for one in placed} == {"own"}


def test_a_teams_stores_are_held_in_the_order_of_their_ids() -> None:
    assert list(stores_of(TEAM).items()) == [("memstore_l", "lead"), ("memstore_t", None), ("memstore_w", "writer")]
