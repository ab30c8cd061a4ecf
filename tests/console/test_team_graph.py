"""Where boxes and lines of a team's drawing lie."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.api.records import AgentTeam, TeamMember
from reverie.console.team_graph import MOST_DRAWN, draw_team

MEMBERS = st.builds(
    TeamMember,
    id=st.none() | st.text(max_size=5),
    name=st.text(max_size=500),
    threads=st.integers(1, 10**9),
    sessions=st.integers(1, 1_000),
    mean_reward=st.none() | st.floats(0, 1),
)


def team(*members: TeamMember) -> AgentTeam:
    return AgentTeam("agent_1", 10, 2, 0.5, None, members)


@given(st.lists(MEMBERS, min_size=1, max_size=20), st.text(max_size=500))
def test_boxes_lie_inside_of_the_drawing_and_touch_nobody(members: list[TeamMember], name: str) -> None:
    for graph in draw_team(name, team(*members)):
        assert len(graph.lines) == len(graph.boxes) - 1 == min(len(members), MOST_DRAWN)
        for box in graph.boxes:
            assert box.x >= 0 and box.x + box.width <= graph.width
            assert box.y >= 0 and box.y + box.height <= graph.height
            assert len(box.name) * 7.6 <= box.width
        helpers = graph.boxes[1:]
        assert all(one.y + one.height < two.y for one, two in pairwise(helpers))


def test_who_called_in_nobody_has_no_drawing() -> None:
    assert draw_team("lead", team()) == ()


@pytest.mark.parametrize(("threads", "thickness"), [(1, 1.0), (10, 3.0), (10**6, 6.0)])
def test_lines_grow_with_the_threads_and_not_without_end(threads: int, thickness: float) -> None:
    graph, _ = draw_team("lead", team(TeamMember(None, "helper", threads, 1, None)))
    assert graph.lines[0].thickness == thickness and graph.summary == f"helper: {threads:,} thread" + (
        "s in 1 session" if threads > 1 else " in 1 session"
    )
