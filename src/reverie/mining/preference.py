"""Which of several descriptions of the same sessions an agent can follow best."""

from reverie.digests.behaviour_name import BehaviourName, Situation

_KIND_ORDER = {"choice": 0, "sequence": 1, "manner": 2, "marker": 3}
CLASSES = frozenset({"inspects the schema", "escalation", "reads memory", "ask", "confirm"})
"""Names that many actions bear."""
VAGUE = frozenset({"other tool", "same tool, changed input", "answer", "fallback"})
"""Names that say of an action only what it is not."""
GENERAL = CLASSES | VAGUE
_MOMENTS = {
    **{"after": 0, "start": 0, "delegating": 0, "given": 1, "before": 1, "reporting": 1},
    **{"seen": 2, "session": 3, "other": 4},
}
ARGUMENTS = {"args": 1, "arg": 2}

Rank = tuple[int, int, int, int, int, int, str]


def rank_of(situation: Situation, name: BehaviourName, kind: str, category: str | None = None) -> Rank:
    """How well a description can be followed, the least first, for descriptions of the same sessions.

    An act before a manner or a symptom; a concrete action before a class of actions; a moment of decision before
    anywhere in the session; what the agent can see before what it cannot; the narrower condition before the wider; a
    call before one of its arguments; the value it was changed to before the field; the shorter text before the longer.
    """
    concrete = 2 if name.family in VAGUE else 1 if name.family in CLASSES else 0
    unseen = category is not None and situation.kind != "seen"
    wide = int(situation.kind == "after" and situation.subject == "error")
    moment = _MOMENTS[situation.kind] + int(unseen)
    part = int("=" not in name.subject) if name.family == "change" else ARGUMENTS.get(name.family, 0)
    return _KIND_ORDER[kind], concrete, moment, wide, part, len(name.text), name.text
