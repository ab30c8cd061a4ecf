import msgspec
import pytest

from reverie.lessons.document import lesson_document
from reverie.lessons.lesson import Adjustment, Lesson
from reverie.lessons.proposal import propose_lesson
from reverie.mining.finding import Finding, Hypothesis, Setting

from .test_proposal import FINDING, harmful

LIMIT = Setting("search.limit", "5", ("20", "50"), ("20", "5", "50"), 5.0, 50.0)
CABIN = Setting("book.cabin", "economy", (), ("economy",), None, None)


def lesson_about(setting: Setting, *, helps: bool = True) -> Lesson:
    name = f"arg:{setting.parameter}={setting.value}"
    finding = msgspec.structs.replace(
        FINDING, hypothesis=Hypothesis(None, "session", name, "manner", 0), setting=setting
    )
    chosen: Finding = finding if helps else harmful(finding)
    return propose_lesson(chosen, store_id="x", agent=None, split_by="task", proving={})


def advice(setting: Setting, *, helps: bool = True) -> str:
    return lesson_about(setting, helps=helps).advice


def test_a_value_that_helps_is_what_to_change_to_from_what_is_used_otherwise() -> None:
    lesson = lesson_about(LIMIT)
    assert lesson.kind == "heuristic_adjustment"
    assert lesson.adjustment == Adjustment("search.limit", "20", "5", 5.0, 50.0, ("20", "5", "50"))
    assert lesson.statement == (
        "Change `limit` from `20` (most used otherwise) to `5` when calling `search`; seen between 5 and 50. "
        "Sessions that did it earned 0.20 more reward than others of the same task (0.10 to 0.30)."
    )


def test_a_value_that_harms_is_what_to_change_from() -> None:
    lesson = lesson_about(LIMIT, helps=False)
    assert lesson.adjustment is not None
    assert (lesson.adjustment.before, lesson.adjustment.to) == ("5", "20")
    assert lesson.statement.startswith("Change `limit` from `5` to `20` (most used otherwise) when calling `search`;")


@pytest.mark.parametrize(
    ("helps", "words"),
    [
        (True, "Set `cabin` to `economy` when calling `book`; others leave it unset"),
        (False, "Do not set `cabin` to `economy` when calling `book`; others leave it unset"),
    ],
)
def test_where_no_other_value_was_seen_the_advice_says_so(helps: bool, words: str) -> None:
    assert advice(CABIN, helps=helps) == words


def test_words_are_listed_where_numbers_have_a_range() -> None:
    modes = Setting("search.mode", "exact", ("fast",), ("fast", "exact"), None, None)
    assert advice(modes).endswith("; seen: `fast`, `exact`")


def test_the_document_and_the_json_say_from_what_to_what() -> None:
    lesson = lesson_about(LIMIT)
    assert "| Setting | `search.limit`: 20 → 5; seen: 20, 5, 50 |" in lesson_document(lesson)
    assert b'"from":"20","to":"5"' in msgspec.json.encode(lesson)
    assert msgspec.json.decode(msgspec.json.encode(lesson), type=Lesson) == lesson
