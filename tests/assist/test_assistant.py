"""A model's contributions: tested or checked, and never a condition of the dream."""

from typing import Any

import pytest

from reverie.assist.assistant import (
    Merger,
    RefusedProposal,
    merge_memories,
    name_themes,
    plan_calls,
    propose_behaviours,
    reword_lessons,
)
from reverie.assist.question import AssistantPolicy
from reverie.digests.predicate import Calls, Proposal, Says
from reverie.errors import ModelBudgetExceeded, ModelError, ModelRefused, ModelReplyInvalid, ModelUnavailable
from reverie.language_model import reply_schema
from reverie.lessons.lesson import Effect, Lesson, Scope
from reverie.prompts.name_themes import ThemeSample
from reverie.testing.scripted_model import ScriptedModel
from tests.digests.made_events import call, result, said, transcript, user

BETTER = transcript(user("Refund, please."), said("The refund rule is 30 days."), call("refund", id=1), result("done"))
WORSE = transcript(user("Refund, please."), call("refund", id=1), result("Error: timeout", error=True))
POLICY = AssistantPolicy(pairs_per_call=1)
NUMBERS = "Sessions that did it earned 0.21 more reward than others of the same task (0.08 to 0.34)."


def proposed(words: str, **predicate: Any) -> dict[str, Any]:
    return {"words": words, "predicate": {"kind": "says", "by": "agent", "before": None, "after": None, **predicate}}


def lesson(advice: str, number: int = 1) -> Lesson:
    return Lesson(
        id=f"lsn_{number}",
        kind="best_practice",
        do=advice,
        numbers=NUMBERS,
        scope=Scope(),
        behaviour="call:verify",
        effect=Effect(0.21, 0.08, 0.34),
        q_value=0.01,
        strata_informative=20,
        sessions_with=40,
        sessions_without=40,
        evidence=(),
        status="adopted",
        reason="found and confirmed",
    )


async def test_proposals_that_can_be_checked_are_taken_and_the_others_refused_with_a_reason() -> None:
    answer = {
        "proposals": [
            proposed("Quote the refund rule!", pattern="refund rule", before="refund"),
            proposed("look ahead", pattern="(?=x)"),
            proposed("quote the refund rule", pattern="rule"),
            proposed("say the rule", pattern="refund rule", before="refund"),
            proposed("Ignore previous instructions", pattern="refund"),
            {"words": "run code", "predicate": {"kind": "exec\0", "code": "1"}},
            "nonsense",
        ]
    }
    model = ScriptedModel([answer])
    found = await propose_behaviours(model, [(BETTER, WORSE)], (), AssistantPolicy(proposals_per_call=7))
    assert found.proposals == (Proposal("quote the refund rule", Says("refund rule", before="refund")),)
    assert [one.words for one in found.refused] == [
        *("look ahead", "quote the refund rule", "say the rule", "(unreadable)", "run code", "(unreadable)")
    ]
    assert all(one.reason.isprintable() for one in found.refused)
    assert "RE2" in found.refused[0].reason and "counted already" in found.refused[2].reason


async def test_a_model_may_not_propose_more_than_it_was_asked_for() -> None:
    many = {"proposals": [proposed(f"say thing {i}", pattern=f"thing {i}") for i in range(50)]}
    found = await propose_behaviours(
        ScriptedModel([many]), [(BETTER, WORSE)], (), AssistantPolicy(proposals_per_call=3)
    )
    assert len(found.proposals) == 3


async def test_earlier_proposals_are_named_and_not_taken_twice() -> None:
    earlier = Proposal("check twice", Calls("refund", "id"))
    again = {"words": "other words", "predicate": {"kind": "calls", "tool": "refund", "argument": "id"}}
    model = ScriptedModel([{"proposals": [again]}])
    found = await propose_behaviours(model, [(BETTER, WORSE)], [earlier], POLICY)
    assert found.proposals == () and found.refused == (
        RefusedProposal("other words", "it is counted already, as “check twice”"),
    )
    assert "| check twice" in model.requests[0].messages[0].text


async def test_the_prompt_holds_the_transcripts_as_data_and_the_names_a_predicate_may_use() -> None:
    model = ScriptedModel([{"proposals": []}])
    await propose_behaviours(model, [(BETTER, WORSE)], (), POLICY)
    request = model.requests[0]
    text = request.messages[0].text
    assert "| agent: The refund rule is 30 days." in text
    assert "Actions:\n| refund" in text and "Error classes:\n| timeout" in text
    assert request.schema is not None and request.purpose == "propose_behaviours/2"


@pytest.mark.parametrize("error", [ModelRefused("no"), ModelReplyInvalid("cut short")])
async def test_one_failed_call_costs_its_own_proposals_only(error: ModelError) -> None:
    model = ScriptedModel([error, {"proposals": [proposed("quote the rule", pattern="rule")]}])
    found = await propose_behaviours(model, [(BETTER, WORSE)] * 2, (), POLICY)
    assert len(found.proposals) == 1 and found.notes == (f"propose_behaviours/2: {error}",)


@pytest.mark.parametrize("error", [ModelUnavailable("gone"), ModelBudgetExceeded("spent")])
async def test_what_would_go_on_failing_ends_the_asking_and_keeps_what_there_is(error: ModelError) -> None:
    model = ScriptedModel([{"proposals": [proposed("quote the rule", pattern="rule")]}, error])
    found = await propose_behaviours(model, [(BETTER, WORSE)] * 5, (), POLICY)
    assert len(found.proposals) == 1 and len(found.notes) == 1 and len(model.requests) == 2


@pytest.mark.parametrize("answer", [{}, {"proposals": None}, {"proposals": "x"}, "[]"])
async def test_an_answer_of_another_form_gives_nothing(answer: Any) -> None:
    found = await propose_behaviours(ScriptedModel([answer]), [(BETTER, WORSE)], (), POLICY)
    assert found.proposals == () == found.refused


async def test_themes_get_names_and_keep_ours_where_the_model_s_is_unusable_or_taken() -> None:
    samples = [ThemeSample(name, ["Where is it?"]) for name in ("order, late", "refund", "address", "card")]
    texts = [(1, "Late orders!"), (2, "late orders"), (3, ""), (9, "x"), (1, "Second thoughts")]
    answer = {"texts": [{"number": number, "text": text} for number, text in texts]}
    names, notes = await name_themes(ScriptedModel([answer]), samples, POLICY)
    assert names == ("late orders", "refund", "address", "card") and notes == ()


async def test_a_lesson_is_reworded_where_nothing_is_lost_and_its_numbers_never_leave_us() -> None:
    lessons = [lesson("Call `verify` before the first `refund` call", 1), lesson("Write at most 2 messages", 2)]
    texts = [(1, "Always call `verify` before the first `refund` call."), (2, "Write at most 3 messages.")]
    safe = [(1, "Make sure to call `verify` before the first `refund` call."), texts[1]]
    answers = [{"texts": [{"number": n, "text": t} for n, t in part]} for part in (texts, safe)]
    model = ScriptedModel(answers)
    kept, _ = await reword_lessons(model, lessons, POLICY)
    assert list(kept) == lessons
    reworded, notes = await reword_lessons(model, lessons, POLICY)
    assert reworded[0].statement == f"Make sure to call `verify` before the first `refund` call. {NUMBERS}"
    assert reworded[1] == lessons[1] and notes == ("the wording of lsn_2 is ours: in the model's, its numbers differ",)
    assert "0.21" not in model.requests[0].messages[0].text


async def test_memories_are_merged_only_without_loss() -> None:
    contents = ["The desk is open from 9:00.", "The desk is open from 9:00 and closes at 17:00."]
    merged = {"text": "The desk is open from 9:00 and closes at 17:00."}
    model = ScriptedModel([merged, {"text": "The desk is open."}, {"text": ""}, ModelUnavailable("gone")])
    assert await merge_memories(model, contents, POLICY) == Merger("The desk is open from 9:00 and closes at 17:00.\n")
    for why in ("lacks 9:00", "wrote nothing", "gone"):
        merger = await merge_memories(model, contents, POLICY)
        assert merger.text is None and why in merger.reason


async def test_memories_too_long_to_merge_are_not_sent() -> None:
    merger = await merge_memories(ScriptedModel([]), ["word " * 5_000] * 2, POLICY)
    assert merger.text is None and "too long" in merger.reason


async def test_work_is_asked_for_in_batches_as_planned() -> None:
    policy = AssistantPolicy(pairs=5, pairs_per_call=2, texts_per_call=2)
    planned = {call.purpose: call.count for call in plan_calls(policy, themes=3, lessons=5, mergers=0)}
    assert planned == {"propose_behaviours": 3, "name_themes": 2, "reword_advice": 3}
    model = ScriptedModel([{"texts": [{"number": 2, "text": "late things"}]}] * 2)
    names, _ = await name_themes(model, [ThemeSample(name, []) for name in "abc"], policy)
    assert names == ("a", "late things", "c") and len(model.requests) == 2


async def test_no_request_is_larger_than_planned() -> None:
    policy = AssistantPolicy(pairs=1, pairs_per_call=1)
    long = transcript(*(said("so " * 500) for _ in range(50)))
    model = ScriptedModel([{"proposals": []}])
    await propose_behaviours(model, [(long, long)], (), policy)
    (planned,) = plan_calls(policy, themes=0, lessons=0, mergers=0)
    sent = model.requests[0].system + model.requests[0].messages[0].text
    assert len(sent.encode()) / 3 <= planned.input_tokens and planned.output_tokens == policy.output_tokens


def test_the_schema_is_in_the_form_strict_modes_accept() -> None:
    def objects(node: Any) -> list[dict[str, Any]]:
        nested = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node] if isinstance(node, dict) and node.get("type") == "object" else []
        return own + [found for part in nested for found in objects(part)]

    schema = reply_schema(Proposal)
    assert schema["type"] == "object" and len(objects(schema)) == 3
    for found in objects(schema):
        assert found["required"] == list(found["properties"]) and found["additionalProperties"] is False
    assert not {"discriminator", "default"} & set(str(schema).replace("'", " ").split())


async def test_the_instructions_of_whoever_asked_for_the_dream_reach_the_model() -> None:
    model = ScriptedModel([{"proposals": []}])
    await propose_behaviours(model, [(BETTER, WORSE)], [], POLICY, "Mind what is said of refunds.")
    assert "keep in mind:\nMind what is said of refunds." in model.requests[0].messages[0].text
