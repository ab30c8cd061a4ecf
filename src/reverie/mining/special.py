"""Special cases of a claim: in one task category, or after the agent has seen one fact.

Testing every claim in every special case would drown the true ones, and report each general effect many times over.
A special case is therefore looked at only where the effect of its claim differs between the cases.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.display_name import shown_name
from reverie.mining.finding import Hypothesis
from reverie.statistics.corpus import Flags
from reverie.statistics.distributions import normal_isf
from reverie.statistics.estimate import Estimates, heterogeneity


class SpecialFamily(msgspec.Struct, frozen=True):
    """The special cases of one claim that exclude each other, and the test that its effect is the same in all."""

    members: tuple[int, ...]
    p_value: float


def is_special(h: Hypothesis) -> bool:
    """Whether a hypothesis speaks of a special case only."""
    return h.category is not None or h.situation.kind == "seen"


def general_claim(h: Hypothesis) -> tuple[Situation, BehaviourName]:
    """Situation and behaviour of the general claim that ``h`` is a case of."""
    return (SESSION if h.situation.kind == "seen" else h.situation), h.name


def special_case(h: Hypothesis) -> str:
    """The case that a special hypothesis speaks of, in words: ``category refund``, or the stored situation."""
    return f"category {shown_name(h.category)}" if h.category is not None else shown_name(h.situation_text)


def special_families(hypotheses: Sequence[Hypothesis], estimates: Estimates, usable: Flags) -> list[SpecialFamily]:
    """Families of at least two usable cases, with Cochran's Q test of heterogeneity (Cochran 1954)."""
    groups: dict[tuple[str, Situation, BehaviourName], list[int]] = {}
    for i, h in enumerate(hypotheses):
        if is_special(h) and usable[i]:
            field = "category" if h.category is not None else h.situation.without_value
            groups.setdefault((field, *general_claim(h)), []).append(i)
    return [
        SpecialFamily(tuple(members), heterogeneity(estimates.effect[members], estimates.standard_error[members]))
        for members in groups.values()
        if len(members) > 1
    ]


def describe_flip(
    cases: Mapping[str, tuple[float, float]], tests: int, format_effect: Callable[[float], str] = "{:+.2f}".format
) -> str:
    """The effects of a claim's cases in words when they truly differ in sign, else nothing.

    Args:
        cases: effect and standard error by case.
        tests: how many claims are looked at like this (Bonferroni).
        format_effect: puts an effect into words.
    """
    usable = {case: pair for case, pair in cases.items() if np.isfinite(pair[1])}
    if len(usable) < 2:
        return ""
    effects, errors = np.array(list(usable.values())).T
    beyond_chance = normal_isf(0.025 / len(usable))
    opposite = (effects / errors).max() > beyond_chance and (effects / errors).min() < -beyond_chance
    if not opposite or heterogeneity(effects, errors) > 0.01 / max(tests, 1):
        return ""
    telling = {case: effect for case, (effect, error) in usable.items() if abs(effect / error) > 1.96}
    return ", ".join(f"{format_effect(effect)} with {case}" for case, effect in sorted(telling.items()))
