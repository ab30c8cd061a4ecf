import msgspec

from reverie.digests.behaviour_name import read_name, read_situation
from reverie.ids import event_id
from reverie.jobs.quotes import quote_examples
from reverie.lessons.document import lesson_document
from reverie.lessons.lesson import Lesson
from reverie.lessons.parts import LONGEST, cut
from reverie.lessons.proposal import propose_lesson
from reverie.mining.finding import Finding, Hypothesis, Move
from reverie.runtime.briefing import lesson_text
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript
from tests.lessons.test_proposal import FINDING, harmful, lesson_of

OTHER_TOOL = msgspec.structs.replace(
    FINDING, hypothesis=Hypothesis(None, "after error:rate limit", "other tool", "choice", 0)
)


def with_members(*members: Move) -> Finding:
    return msgspec.structs.replace(OTHER_TOOL, members=members)


def test_a_vague_act_is_told_as_the_form_that_most_sessions_gave_it() -> None:
    lesson = lesson_of(with_members(Move("call:wait", 80, 0.8), Move("call:search", 20, 0.2)))
    assert lesson.do == "turn to another tool or command: call `wait` (80% of those who did)"


def test_a_vague_act_of_several_forms_names_the_commonest_with_shares() -> None:
    lesson = lesson_of(with_members(Move("call:wait", 50, 0.5), Move("call:search", 40, 0.4)))
    assert lesson.do == "turn to another tool or command: call `wait` (50%), call `search` (40%)"


def test_what_is_a_form_of_something_known_by_a_name_bears_that_name() -> None:
    shown = Hypothesis(None, "after error", "call:sql:show", "choice", 0)
    lesson = lesson_of(msgspec.structs.replace(FINDING, hypothesis=shown, form_of="inspects the schema"))
    assert lesson.advice == "When the last tool call failed, inspect the schema: run `SHOW`"


def test_what_others_did_is_told_with_shares_in_the_document_and_left_out_of_the_briefing() -> None:
    finding = msgspec.structs.replace(FINDING, others=(Move("call:search", 6, 0.6), Move("nothing", 4, 0.4)))
    lesson = lesson_of(finding)
    assert lesson.instead_of == "call `search` (60%), nothing further (40%)"
    assert f"Others did this instead: {lesson.instead_of}." in lesson_document(lesson)
    assert lesson_text(lesson, lesson.advice, "sql", None) == f"{lesson.advice}."
    assert lesson_text(lesson, lesson.advice, None, None) == f"For the agent “sql”: {lesson.advice}."


def test_the_structured_parts_say_what_the_words_say() -> None:
    lesson = lesson_of(harmful(FINDING))
    assert lesson.moment == read_situation("after error:unknown column")
    assert (lesson.act, lesson.doing) == (read_name("inspects the schema"), False)
    assert lesson.do.startswith("do not ")


def test_other_descriptions_of_the_same_sessions_stay_with_the_lesson() -> None:
    finding = msgspec.structs.replace(FINDING, also=(OTHER_TOOL.hypothesis,))
    assert lesson_of(finding).also == ("after error:rate limit | other tool",)
    assert "## Also seen as" in lesson_document(lesson_of(finding))


def test_what_to_do_is_never_longer_than_an_agent_needs_and_ends_its_code() -> None:
    long = cut(f"call `{'x' * 400}` now")
    assert (len(long), long.count("`")) == (LONGEST, 2)


def test_examples_are_the_moves_themselves_and_equal_ones_come_once() -> None:
    proving = {(f"s{n}", "after error:unknown column", "inspects the schema"): 1 for n in (1, 2, 3)}
    lesson = propose_lesson(FINDING, store_id="memstore_x", agent=None, split_by="task", proving=proving)
    events = (
        Event("user.message", {"content": [{"type": "text", "text": "Which poets?"}]}),
        Event("agent.tool_use", {"name": "sql", "input": {"query": "SHOW TABLES"}}),
    )
    known = {session: Transcript(Session(session, "test"), events, ()) for session in ("s1", "s2")}
    (example,) = quote_examples(lesson, known).examples
    assert (example.session_id, example.event_id) == ("s1", event_id("s1", 1))
    assert example.text == 'sql {"query":"SHOW TABLES"}'


def test_an_example_cannot_break_out_of_its_block() -> None:
    lesson = msgspec.structs.replace(lesson_of(), examples=())
    quoted = msgspec.json.decode(
        msgspec.json.encode(
            {
                **msgspec.to_builtins(lesson),
                "examples": [{"session_id": "s1", "event_id": "e", "text": "```\n# Not a heading"}],
            }
        ),
        type=Lesson,
    )
    assert "\n    ```\n    # Not a heading" in lesson_document(quoted)
