from reverie.digests.behaviour_name import SESSION, START, BehaviourName, called
from reverie.mining.finding import Hypothesis
from reverie.mining.special import describe_flip, general_claim, is_special, special_case

IN_REFUNDS = Hypothesis("refund", "start", "ask", "choice", 0)
DELAYED = Hypothesis(None, "seen lookup.status=delayed", "call:voucher", "choice", 1)
GENERAL = Hypothesis(None, "start", "ask", "choice", 2)


def test_categories_and_seen_facts_are_special_cases_of_a_general_claim() -> None:
    assert [is_special(h) for h in (IN_REFUNDS, DELAYED, GENERAL)] == [True, True, False]
    assert general_claim(IN_REFUNDS) == (START, BehaviourName("ask"))
    assert general_claim(DELAYED) == (SESSION, called("voucher"))
    assert special_case(IN_REFUNDS) == "category refund"


def test_opposite_effects_beyond_chance_are_a_flip() -> None:
    cases = {"category refund": (0.3, 0.05), "category exchange": (-0.2, 0.05)}
    assert describe_flip(cases, tests=5) == "-0.20 with category exchange, +0.30 with category refund"


def test_different_sizes_or_noise_are_no_flip() -> None:
    assert describe_flip({"a": (0.3, 0.05), "b": (0.1, 0.05)}, tests=1) == ""
    assert describe_flip({"a": (0.1, 0.1), "b": (-0.1, 0.1)}, tests=1) == ""
    assert describe_flip({"a": (0.3, 0.05)}, tests=1) == ""


def test_one_odd_case_among_many_is_no_flip() -> None:
    cases = {f"case {i}": (-0.2, 0.05) for i in range(30)}
    assert describe_flip({**cases, "odd": (0.2, 0.08)}, tests=1) == ""
    assert describe_flip({"usual": (-0.2, 0.05), "odd": (0.2, 0.08)}, tests=1) != ""
