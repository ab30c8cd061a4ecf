import msgspec

from reverie.lessons.conflicts import settle_conflicts
from reverie.lessons.doubt import what_would_change_our_mind
from reverie.lessons.lesson import Effect, Lesson, Scope
from tests.dreams.test_consolidation import lesson

GENERAL = lesson(1)
SPECIAL = msgspec.structs.replace(
    lesson(1),
    id="lsn_000000000000000000000009",
    behaviour="seen order.gift=true | call:tool1",
    scope=Scope(agent="desk", condition="`order` has returned `gift=true`"),
    effect=Effect(-0.2, -0.3, -0.1),
)


def test_a_general_lesson_names_the_condition_in_which_the_opposite_holds() -> None:
    general, special = settle_conflicts([GENERAL, SPECIAL])
    assert general.exceptions == ("`order` has returned `gift=true`",)
    assert ", except when `order` has returned `gift=true`. " in general.statement
    assert special == SPECIAL


def test_lessons_that_agree_or_were_not_adopted_are_no_exceptions() -> None:
    agreeing = msgspec.structs.replace(SPECIAL, effect=Effect(0.3, 0.2, 0.4))
    refused = msgspec.structs.replace(SPECIAL, status="refused")
    for other in (agreeing, refused, lesson(2, effect=Effect(-0.2, -0.3, -0.1))):
        assert settle_conflicts([GENERAL, other]) == [GENERAL, other]


def test_what_would_change_our_mind_counts_the_sessions_it_would_take() -> None:
    certain: Lesson = lesson(1, effect=Effect(0.2, 0.1, 0.3), sessions_with=100, sessions_without=100)
    first, second, *_ = what_would_change_our_mind(certain, 0.05)
    assert first.startswith("About 600 further sessions")
    assert "(+0.10)" in second
