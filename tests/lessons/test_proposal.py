import msgspec

from reverie.assist.wording import with_wording
from reverie.ids import event_id
from reverie.lessons.document import lesson_document, lesson_path
from reverie.lessons.lesson import Lesson
from reverie.lessons.proposal import propose_lesson, worth_a_lesson
from reverie.mining.finding import Finding, Hypothesis
from reverie.statistics.quantity import Estimate

ESTIMATE = Estimate(
    effect=0.2,
    low=0.1,
    high=0.3,
    z=4.0,
    informative=20,
    sessions_with=50,
    sessions_without=60,
    reward_with=0.7,
    reward_without=0.5,
)
FINDING = Finding(
    hypothesis=Hypothesis(None, "after error:unknown column", "inspects the schema", "choice", 0),
    verdict="adopted",
    reason="found (q < 0.001) and confirmed on other sessions (q = 0.002)",
    naive_effect=0.3,
    naive_significant=True,
    discovery=msgspec.structs.replace(ESTIMATE, effect=0.25),
    confirmation=ESTIMATE,
    q_discovery=0.0001,
    q_confirmation=0.002,
    supporting=("s1", "s2"),
    contrary=("s3",),
)
PROVING = {(s, "after error:unknown column", "inspects the schema"): n for n, s in enumerate(("s1", "s2", "s3"))}


def lesson_of(finding: Finding = FINDING) -> Lesson:
    return propose_lesson(finding, store_id="memstore_x", agent="sql", split_by="task", proving=PROVING)


def harmful(finding: Finding) -> Finding:
    turned = msgspec.structs.replace(ESTIMATE, effect=-0.2, low=-0.3, high=-0.1)
    return msgspec.structs.replace(finding, confirmation=turned, discovery=turned)


def test_the_statement_says_when_what_and_how_much() -> None:
    lesson = lesson_of()
    assert lesson.statement == (
        "When the last tool call failed with “unknown column”, inspect the schema. "
        "Sessions that did it earned 0.20 more reward than others of the same task (0.10 to 0.30)."
    )
    assert lesson.kind == "failure_mitigation"


def test_advice_is_never_cut_at_a_full_stop_within_it() -> None:
    returns = msgspec.structs.replace(FINDING.hypothesis, category="U.S. returns")
    lesson = lesson_of(msgspec.structs.replace(FINDING, hypothesis=returns))
    when = "the task is of the kind “U.S. returns” and the last tool call failed with “unknown column”"
    assert (lesson.when, lesson.do) == (when, "inspect the schema")
    assert lesson.advice == f"When {when}, inspect the schema"
    assert lesson_document(lesson).startswith(f"# {lesson.advice}\n")
    worded = with_wording([lesson], {lesson.advice: "Look at the schema in U.S. returns"})[0]
    assert worded.statement == f"Look at the schema in U.S. returns. {lesson.numbers}"


def test_what_harms_is_advised_against() -> None:
    lesson = lesson_of(harmful(FINDING))
    assert "do not inspect the schema" in lesson.statement
    assert "0.20 less reward" in lesson.statement
    assert lesson.kind == "failure_mitigation"


def test_the_headline_is_the_confirmation_and_discovery_stands_beside_it() -> None:
    lesson = lesson_of()
    assert (lesson.effect.estimate, lesson.q_value) == (0.2, 0.002)
    assert lesson.discovery is not None
    assert lesson.discovery.estimate == 0.25


def test_strata_add_up_only_when_the_parts_hold_different_tasks() -> None:
    by_session = propose_lesson(FINDING, store_id="x", agent=None, split_by="session", proving=PROVING)
    assert (lesson_of().strata_informative, by_session.strata_informative) == (40, 20)


def test_every_citation_names_the_event_that_proves_it() -> None:
    lesson = lesson_of()
    assert [e.event_id for e in lesson.evidence] == [event_id("s1", 0), event_id("s2", 1)]
    assert [e.session_id for e in lesson.counter_examples] == ["s3"]


def test_the_same_claim_keeps_its_id_and_path_and_the_opposite_claim_has_another() -> None:
    again = lesson_of(msgspec.structs.replace(FINDING, q_confirmation=0.04))
    assert (again.id, lesson_path(again)) == (lesson_of().id, lesson_path(lesson_of()))
    assert lesson_of(harmful(FINDING)).id != lesson_of().id


def test_a_pattern_is_worth_a_lesson_when_found_or_when_a_plain_comparison_would_believe_it() -> None:
    nothing = msgspec.structs.replace(FINDING, verdict="refused", naive_significant=False, q_confirmation=None)
    assert worth_a_lesson(FINDING)
    assert worth_a_lesson(msgspec.structs.replace(nothing, naive_significant=True))
    assert not worth_a_lesson(nothing)


def test_the_document_has_when_what_why_where_and_what_speaks_against() -> None:
    text = lesson_document(lesson_of())
    for heading in ("When it applies", "What to do", "Why", "Where seen", "What speaks against it"):
        assert f"## {heading}\n" in text
    assert text.startswith("# When the last tool call failed with “unknown column”, inspect the schema\n")
    assert "+0.200 (+0.100 to +0.300)" in text
    assert "session `s3`" in text


def test_a_path_is_one_a_memory_may_have() -> None:
    path = lesson_path(lesson_of())
    assert path.startswith("/lessons/failure-mitigations/after-error-unknown-column-inspects-the-schema-")
    assert path.endswith(".md")
    assert path.isascii()
