"""What a session's texts say as a whole: its intent, the user's sentiment, and counts of telling messages."""

from itertools import pairwise

from reverie.digests.digest import Signals
from reverie.digests.families import Moments
from reverie.digests.intent import opening_intent
from reverie.digests.moments import ACTIONS, Message, UserTurn


def read_signals(opening: str, moments: Moments) -> Signals:
    """The signals of a session with this opening and these moments."""
    turns = [moment for moment in moments if isinstance(moment, UserTurn)]
    felt = [turn.sentiment for turn in turns if turn.sentiment is not None]
    actions = [moment for moment in moments if isinstance(moment, ACTIONS)]
    acting = [action.thread for action in actions]
    said = [{label.family for label in action.labels} for action in actions if isinstance(action, Message)]
    return Signals(
        intent=opening_intent(opening),
        sentiment_first=felt[0] if felt else None,
        sentiment_last=felt[-1] if felt else None,
        sentiment_lowest=min(felt, default=None),
        user_turns=len(turns),
        questions=sum("ask" in families for families in said),
        confirmations=sum("confirm" in families for families in said),
        fallbacks=sum("fallback" in families for families in said),
        escalations=sum(any(label.family == "escalation" for label in action.labels) for action in actions),
        hand_offs=sum(before != after for before, after in pairwise(acting)),
        threads=len(set(acting)),
    )
