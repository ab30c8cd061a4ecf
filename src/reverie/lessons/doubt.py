"""What would change our mind about a lesson."""

import math

from reverie.lessons.lesson import Effect, Lesson


def what_would_change_our_mind(lesson: Lesson, least_effect: float) -> tuple[str, ...]:
    """Observations that would make the next dream take the lesson back, with numbers where they can be given.

    ``least_effect`` is the smallest difference worth advising on, in the unit of the lesson's effect.
    """
    effect = lesson.effect
    bound = effect.low if effect.estimate > 0 else effect.high
    doubts = [
        f"Further sessions of the part that did not find it: the nearer end of the interval ({bound:+.2f}) crosses 0.",
        "A stronger behaviour that goes with it and leaves less than half of its effect.",
        "An effect of the opposite sign under some condition the agent can see.",
        "A latest half, third or quarter of the dated sessions in which the difference is gone.",
    ]
    if lesson.on_reward is not None:
        change = _followed(lesson.on_reward, doing=effect.estimate >= 0)
        doubts.append(f"A loss of reward that is no longer excluded: following it changes the reward by {change}.")
    if abs(effect.estimate) > least_effect:
        compared = lesson.sessions_with + lesson.sessions_without
        needed = math.ceil(compared * (abs(effect.estimate) / least_effect - 1))
        doubts.insert(
            0,
            f"About {needed:,} further sessions of this kind in which it makes no difference: the effect would then be "
            f"below {least_effect:g}, the least that matters.",
        )
    return tuple(doubts)


def _followed(effect: Effect, *, doing: bool) -> str:
    """What following the advice does to the reward; advice against something is followed by leaving it."""
    sign = 1.0 if doing else -1.0
    low, high = sorted((sign * effect.low, sign * effect.high))
    return f"{sign * effect.estimate:+.2f} ({low:+.2f} to {high:+.2f})"
