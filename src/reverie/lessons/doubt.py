"""What would change our mind about a lesson."""

import math

from reverie.lessons.lesson import Lesson


def what_would_change_our_mind(lesson: Lesson, least_effect: float) -> tuple[str, ...]:
    """Observations that would make the next dream take the lesson back, with numbers where they can be given.

    ``least_effect`` is the smallest difference in reward worth advising on.
    """
    effect = lesson.effect
    bound = effect.low if effect.estimate > 0 else effect.high
    doubts = [
        f"Sessions kept for confirmation that bring the nearer end of the interval ({bound:+.2f}) across 0.",
        "A stronger behaviour that goes with it and leaves less than half of its effect.",
        "An effect of the opposite sign under some condition the agent can see.",
        "A later half of the sessions in which the difference is gone.",
    ]
    if abs(effect.estimate) > least_effect:
        compared = lesson.sessions_with + lesson.sessions_without
        needed = math.ceil(compared * (abs(effect.estimate) / least_effect - 1))
        doubts.insert(
            0,
            f"About {needed:,} further sessions of this kind in which it makes no difference: the effect would then be "
            f"below {least_effect}, the least that matters.",
        )
    return tuple(doubts)
