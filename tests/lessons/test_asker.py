import pytest

from reverie.lessons.asker import ANYONE, Asker, is_for
from reverie.lessons.lesson import Scope


@pytest.mark.parametrize(
    ("scope", "asker", "fits"),
    [
        (Scope(), ANYONE, True),
        (Scope(agent="desk"), ANYONE, True),
        (Scope(agent="desk"), Asker(agent="desk"), True),
        (Scope(agent="desk"), Asker(agent="coder"), False),
        (Scope(task_family="late orders"), Asker(task_family="late orders"), True),
        (Scope(task_family="late orders"), Asker(task_family="refunds"), False),
        (Scope(task_family="late orders"), ANYONE, False),
    ],
)
def test_what_is_known_of_the_asker_must_not_speak_against_a_lesson(scope: Scope, asker: Asker, fits: bool) -> None:
    assert is_for(scope, "ask", asker, "Where is it?") is fits


def test_a_question_that_names_the_kind_of_task_is_of_that_kind() -> None:
    assert is_for(Scope(task_family="late_orders"), "ask", ANYONE, "What about Late Orders from May?")


@pytest.mark.parametrize(
    ("behaviour", "tools", "fits"),
    [
        ("call:refund", ("refund", "lookup"), True),
        ("call:refund", ("lookup",), False),
        ("after error:timeout | retry:refund", ("lookup",), False),
        ("then:lookup→refund", ("lookup",), False),
        ("arg:search.limit=5", ("lookup",), False),
        ("seen check.status=paid | ask", ("lookup",), False),
        ("inspects the schema", ("lookup",), True),
        ("call:git diff", ("bash",), True),
    ],
)
def test_a_lesson_that_needs_a_tool_is_not_for_whoever_lacks_it(
    behaviour: str, tools: tuple[str, ...], fits: bool
) -> None:
    assert is_for(Scope(), behaviour, Asker(tools=tools), "") is fits
