"""Requests and answers of the Responses API, which the model server of tests does not speak."""

from reverie.recorder.dialect import dialect_of, usage_of
from reverie.sessions.importers.parts import Answered, Called, Said, Thought

CALL = {"type": "function_call", "call_id": "c1", "name": "find", "arguments": '{"order": 7}'}
RESULT = {"type": "function_call_output", "call_id": "c1", "output": "sent"}
ANSWER = {
    "output": [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "I should look."}]},
        CALL,
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "On its way."}]},
    ],
    "usage": {"input_tokens": 10, "output_tokens": 3, "input_tokens_details": {"cached_tokens": 4}},
}


def test_items_of_the_responses_are_the_parts_of_messages() -> None:
    dialect = dialect_of("/responses")
    assert dialect is not None
    body = {"instructions": "Be brief.", "input": [{"role": "user", "content": "Where?"}, CALL, RESULT]}
    heard = [(one.role, one.parts) for one in dialect.heard(body)]
    assert heard == [
        ("system", (Said("Be brief."),)),
        ("user", (Said("Where?"),)),
        ("agent", (Called("find", {"order": 7}, "c1"),)),
        ("agent", (Answered("c1", "", ("sent",), None),)),
    ]
    assert [one.parts for one in dialect.heard({"input": "Where?"})] == [(Said("Where?"),)]
    said = [part for one in dialect.said(ANSWER) for part in one.parts]
    assert said == [Thought("I should look."), Called("find", {"order": 7}, "c1"), Said("On its way.")]


def test_a_stream_of_the_responses_is_its_last_event_or_as_far_as_it_came() -> None:
    dialect = dialect_of("https://example.com/v1/responses?api-version=1")
    assert dialect is not None
    done = {"type": "response.output_item.done", "item": CALL}
    assert dialect.joined([done, {"type": "response.completed", "response": ANSWER}]) == ANSWER
    assert dialect.joined([done]) == {"output": [CALL]}


def test_cached_tokens_stand_beside_those_of_the_input() -> None:
    assert usage_of(ANSWER)["model_usage"] == {
        "input_tokens": 6,
        "output_tokens": 3,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 4,
    }
    assert usage_of({}) == {}


def test_addresses_at_which_no_model_answers_have_no_dialect() -> None:
    assert [dialect_of(path) for path in ("/v1/messages/count_tokens", "/v1/models", "/responses/resp_1")] == [None] * 3
