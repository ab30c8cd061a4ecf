"""Whose lesson a behaviour makes, and of which agent it speaks."""

from hypothesis import given
from hypothesis import strategies as st

from reverie.digests.behaviour_name import FAMILIES_WITH_SUBJECT, BehaviourName, read_name
from reverie.digests.brief import PARTS
from reverie.digests.moments import UNNAMED
from reverie.teams.lesson_home import LessonHome, home_of

_agents = st.text(min_size=1).filter(lambda agent: agent != UNNAMED)
_RECEIVED = ("verified before report", "reports evidence", "asked back")


@given(_agents, st.sampled_from(PARTS))
def test_what_a_brief_says_is_the_senders_and_names_the_agent(agent: str, part: str) -> None:
    assert home_of(read_name(f"brief:{agent} {part}")) == LessonHome("sender", agent)


@given(_agents, st.sampled_from(_RECEIVED))
def test_what_is_done_with_a_task_is_the_receivers(agent: str, family: str) -> None:
    assert home_of(read_name(f"{family}:{agent}")) == LessonHome("receiver", agent)


def test_work_done_twice_is_the_teams_and_no_agents() -> None:
    assert home_of(BehaviourName("repeats another thread", "bash:grep")) == LessonHome("team", None)


def test_an_agent_without_a_name_is_none() -> None:
    assert home_of(BehaviourName("asked back", UNNAMED)) == LessonHome("receiver", None)
    assert home_of(BehaviourName("brief", f"{UNNAMED} done")) == LessonHome("sender", None)


def test_what_an_agent_does_by_itself_has_no_other_home() -> None:
    others = FAMILIES_WITH_SUBJECT - {"brief", "hand-off", "repeats another thread", *_RECEIVED}
    assert {home_of(BehaviourName(family, "x")) for family in others} == {None}
