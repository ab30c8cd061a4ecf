"""What messages and errors are taken for."""

import pytest

from reverie.digests.error_class import error_class
from reverie.digests.tool_name import escalates, inspects_schema, looks_up, remembers, writes
from reverie.digests.wording import read_wording, writes_plan


@pytest.mark.parametrize(
    ("message", "act"),
    [
        ("Which order do you mean?", "ask"),
        ("Please provide your user ID.", "ask"),
        ("If you can share your e-mail address, I can look it up.", "ask"),
        ("Please confirm your user ID.", "ask"),
        ("The fee is $30. Would you like to proceed?", "confirm"),
        ("I will cancel order 1. Do you confirm (yes/no)?", "confirm"),
        ("Should I book the cheaper flight instead?", "confirm"),
        ("Please confirm that these details are right.", "confirm"),
        ("Your order is cancelled. Is there anything else I can help you with?", "answer"),
        ("Done! Let me know if you have questions.", "answer"),
        ("How can I help you today?", "answer"),
        ("", "answer"),
    ],
)
def test_a_message_asks_or_confirms_or_answers(message: str, act: str) -> None:
    assert read_wording(message).act == act


@pytest.mark.parametrize(
    ("message", "signals"),
    [
        ("I apologise for the mix-up.", {"apology"}),
        ("I'm sorry to hear that.", set()),
        ("I’m unable to change the passenger.", {"refusal", "fallback"}),
        ("I can't find that order.", set()),
        ("Basic economy tickets cannot be modified.", {"refusal", "fallback"}),
        ("I will transfer you to a human agent.", {"escalation"}),
        ("I'm sorry, but I cannot do that; I am escalating this.", {"apology", "refusal", "fallback", "escalation"}),
        ("The bank transfer has arrived.", set()),
        ("I do not know when it will arrive.", {"fallback"}),
        ("Could you rephrase that?", {"fallback"}),
        ("Do you know the order number?", set()),
    ],
)
def test_apologies_refusals_fallbacks_and_escalations_are_told_by_their_words(message: str, signals: set[str]) -> None:
    assert set(read_wording(message).signals) == signals


@pytest.mark.parametrize(
    ("message", "acts"),
    [
        ("I'm sorry to hear that; this must be frustrating.", {"empathy"}),
        ("I understand how upsetting this is.", {"empathy"}),
        ("I understand the request.", set()),
        ("Thank you for waiting.", {"thanks"}),
        ("To summarise: one kettle, refunded.", {"summary"}),
        ("You will receive the money in five days.", {"next steps"}),
        ("I'll look into it.", {"promise"}),
        ("Let me know if that helps.", set()),
        ("I will need your order number.", set()),
        ("I think it is probably lost.", {"hedging"}),
        ("It will definitely arrive tomorrow.", {"certainty"}),
        ("Certainly! Here it is.", set()),
        ("", set()),
    ],
)
def test_speech_acts_are_told_by_their_words(message: str, acts: set[str]) -> None:
    assert set(read_wording(message).speech) == acts


def test_a_numbered_list_is_a_plan_in_a_thought_but_not_in_a_question() -> None:
    details = "Tell me:\n1. your name\n2. your order"
    assert writes_plan(details, thinking=True)
    assert not writes_plan(details, thinking=False)
    assert writes_plan("Here is my plan: look it up.", thinking=False)
    assert not writes_plan("We plan to restock.", thinking=False)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Error executing query: Unknown column 'x' in 'field list'", "unknown column"),
        ("Error executing query: Table 'car_1.cars' doesn't exist", "table doesn't exist"),
        ("You have an error in your SQL syntax; check the manual", "syntax error"),
        ("/bin/bash: line 1: foo: command not found", "command not found"),
        ("cat: /x: No such file or directory", "no such file"),
        ("Error: timeout contacting order service", "timeout"),
        ("Command timed out after 120 s", "timeout"),
        ("HTTP 404: gone", "http 4xx"),
        ("status code 503", "http 5xx"),
        ("find: missing argument to `-exec'", "missing argument"),
        ("Error: order not found", "not found"),
        ("Traceback\n  File x\nZeroDivisionError: division by zero", "zero division error"),
        ("Error: payment amount does not add up, total price is 305, but paid 255", "payment amount does not add"),
        ("Error: 'W12' of user_7 won't ship", "… of … won't ship"),
        ("", "unexplained"),
    ],
)
def test_errors_about_different_things_share_a_class(text: str, name: str) -> None:
    assert error_class(text) == name


def test_tool_names_tell_escalation_schema_and_lookup() -> None:
    assert escalates("transfer_to_human_agents") and escalates("escalateTicket") and not escalates("transfer_funds")
    assert inspects_schema("sql_db_schema") and inspects_schema("listTables") and not inspects_schema("book_table")
    assert remembers("memory_search") and not remembers("get_order") and writes("saveNote") and not writes("view")
    assert looks_up("search_direct_flight") and not looks_up("think")
