"""Calls that rules refused, as dreams see them."""

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.digests.digest import Digest
from reverie.digests.transcript import digest_transcript
from reverie.ids import event_id
from reverie.sessions.event import Event
from reverie.sessions.session import Session, Transcript

AFTER_REFUSAL = Situation("after", "error:rule:no-deleting")


def digest_of(reason: str) -> Digest:
    """Of a session in which a call was refused, for this reason, and another tool was called then."""
    evaluation = {"type": "auto", "evaluated_permission": {"type": "deny", "reason_code": reason}}
    refused = {"name": "bash", "input": {"command": "ls"}, "evaluated_permission": "deny", "evaluation": evaluation}
    answer = {"tool_use_id": event_id("s", 0), "content": "Access denied: ask the user.", "is_error": True}
    events = (
        Event("agent.tool_use", refused),
        Event("agent.tool_result", answer),
        Event("agent.tool_use", {"name": "read", "input": {"file_path": "a"}}),
    )
    return digest_transcript(Transcript(Session("sesn_1", "api"), events))


def test_a_refusal_is_an_error_of_its_rules_class_whatever_the_rule_says() -> None:
    digest = digest_of("rule:no-deleting")
    found = {(one.situation, one.name) for one in digest.behaviours}
    assert (SESSION, BehaviourName("error", "rule:no-deleting")) in found
    assert (AFTER_REFUSAL, BehaviourName("call", "read")) in found
    assert AFTER_REFUSAL in {reached.situation for reached in digest.situations}


def test_another_refusal_is_known_by_its_words() -> None:
    assert AFTER_REFUSAL not in {reached.situation for reached in digest_of("high_risk").situations}
