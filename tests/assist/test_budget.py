"""Estimate before, hard cap during, usage after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverie.assist.budget import (
    BudgetedModel,
    ModelBudget,
    PlannedCalls,
    Spending,
    estimate_calls,
    estimate_tokens,
    total_usage,
    usage_report,
)
from reverie.errors import ModelBudgetExceeded, ModelReplyInvalid, SettingsError
from reverie.language_model import ModelMessage, ModelPrice, ModelRequest, ModelUsage
from reverie.testing.scripted_model import ScriptedModel

PRICE = ModelPrice(3.0, 15.0, cache_read_usd=0.3, cache_write_usd=3.75)


def request(text: str = "x" * 100, most: int = 100) -> ModelRequest:
    return ModelRequest("test/1", (ModelMessage("user", text),), most)


def test_an_estimate_adds_up_calls_tokens_and_money() -> None:
    planned = [PlannedCalls("a/1", 4, 10_000, 1_000), PlannedCalls("b/1", 1, 2_000, 500)]
    estimate = estimate_calls(planned, PRICE)
    assert (estimate.calls, estimate.input_tokens, estimate.output_tokens) == (5, 42_000, 4_500)
    assert estimate.usd == pytest.approx(42_000 * 3e-6 + 4_500 * 15e-6)
    assert estimate_calls(planned, None).usd is None


async def test_a_request_that_could_exceed_the_cap_is_not_made() -> None:
    scripted = ScriptedModel(["fine"], ModelUsage(300, 100))
    model = BudgetedModel(scripted, ModelBudget(tokens=1_000))
    await model.complete(request())
    with pytest.raises(ModelBudgetExceeded, match="600 of 1,000 are left"):
        await model.complete(request())
    assert len(scripted.requests) == 1


@given(
    tokens=st.integers(0, 5_000),
    calls=st.lists(st.tuples(st.text(max_size=300), st.integers(1, 800)), max_size=8),
    share=st.floats(0, 1),
)
async def test_no_sequence_of_calls_exceeds_the_cap(tokens: int, calls: list[tuple[str, int]], share: float) -> None:
    spent: dict[str, Spending] = {}
    for text, most in calls:
        # The worst a byte-level tokeniser and a talkative model can do.
        usage = ModelUsage(len(text.encode()), round(share * most))
        model = BudgetedModel(ScriptedModel(["y"], usage), ModelBudget(tokens=tokens), spent)
        try:
            await model.complete(request(text, most))
        except ModelBudgetExceeded:
            continue
        spent = dict(model.spent)
    assert total_usage(spent).total_tokens <= max(tokens, 0)


async def test_money_is_capped_where_the_price_is_known() -> None:
    scripted = ScriptedModel(["fine", "fine"], ModelUsage(600, 100))
    model = BudgetedModel(scripted, ModelBudget(usd=0.007, price=PRICE))
    await model.complete(request())
    with pytest.raises(ModelBudgetExceeded, match=r"\$0\.0037 of \$0\.0070 are left"):
        await model.complete(request())


def test_a_cap_in_money_without_a_price_is_refused() -> None:
    with pytest.raises(SettingsError, match="REVERIE_MODEL_PRICE"):
        BudgetedModel(ScriptedModel([]), ModelBudget(usd=1.0))


async def test_what_a_useless_reply_cost_is_counted_too() -> None:
    failure = ModelReplyInvalid("cut short", input_tokens=40, output_tokens=60)
    model = BudgetedModel(ScriptedModel([failure]), ModelBudget())
    with pytest.raises(ModelReplyInvalid):
        await model.complete(request())
    assert model.spent == {"test/1": Spending(1, ModelUsage(40, 60))}


async def test_a_server_that_reports_no_usage_is_charged_an_estimate() -> None:
    model = BudgetedModel(ScriptedModel(["y" * 30], ModelUsage()), ModelBudget())
    await model.complete(request("x" * 300))
    assert total_usage(model.spent).input_tokens >= 100 and total_usage(model.spent).output_tokens == 10


async def test_a_resumed_dream_goes_on_from_what_it_had_spent() -> None:
    model = BudgetedModel(ScriptedModel([]), ModelBudget(tokens=1_000), {"a/1": Spending(3, ModelUsage(900, 50))})
    with pytest.raises(ModelBudgetExceeded, match="50 of 1,000"):
        await model.complete(request())


def test_usage_is_reported_in_total_and_by_purpose_with_money_where_known() -> None:
    spent = {"b/1": Spending(1, ModelUsage(1_000, 100)), "a/1": Spending(2, ModelUsage(0, 0, 10_000, 1_000))}
    report = usage_report("scripted:model", spent, PRICE)
    assert (report["calls"], report["input_tokens"], report["cache_read_tokens"]) == (3, 1_000, 10_000)
    assert list(report["by_purpose"]) == ["a/1", "b/1"]
    assert report["by_purpose"]["a/1"]["cost_usd"] == pytest.approx(0.003 + 0.00375)
    assert "cost_usd" not in usage_report("scripted:model", spent, None)


def test_tokens_are_estimated_by_bytes() -> None:
    assert [estimate_tokens(text) for text in ("", "abc", "abcd", "你好", "\ud800")] == [0, 1, 2, 2, 1]
