"""Facts that tool results state, and what it does once it knows them."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from reverie.digests.behaviour_name import BehaviourName, Situation
from reverie.digests.digest import SituationReached
from reverie.digests.families import Finding, Moments, shown
from reverie.digests.field_name import OWN_NAMES
from reverie.digests.moments import ACTIONS, Result

_MOST_FACTS = 40
"""Facts seen that open a situation, per session."""
_MOST_FACTS_EACH = 12
_DEEPEST = 3
_LONGEST_VALUE = 24
_PLAIN = re.compile(r"[^\W\d_]+(?:[ _-][^\W\d_]+){0,2}")
_NO_RESPONSE = frozenset({"answer", "apology", "fallback", "inspects the schema"})
"""Ways of putting things, which are not what one does about a fact."""


def facts_seen(moments: Moments) -> Iterator[Finding]:
    """Situations ``seen T.field=value``: what the agent did at some time after a result stated a fact."""
    seen: dict[Situation, None] = {}
    answered: dict[BehaviourName, int] = {}
    for moment in moments:
        if isinstance(moment, Result):
            for fact in _facts(moment):
                if fact not in seen and len(seen) < _MOST_FACTS:
                    seen[fact] = None
                    yield SituationReached(fact, moment.sequence, moment.step)
        elif isinstance(moment, ACTIONS) and seen:
            known = list(seen)
            for label in moment.labels:
                if label.family not in _NO_RESPONSE:
                    for fact in known[answered.get(label, 0) :]:
                        yield shown(fact, label, moment)
                    answered[label] = len(known)


def _facts(result: Result) -> list[Situation]:
    """Up to 12 fields of a JSON object whose values look like one of a few: ``membership=gold``, ``cabin=economy``."""
    if result.call is None or result.error or not result.text.lstrip().startswith("{"):
        return []
    try:
        fields = msgspec.json.decode(result.text)
    except msgspec.DecodeError:
        return []
    facts = []
    for path, value in _scalars(fields, depth=1):
        facts.append(Situation("seen", f"{result.call.action}.{path}={value}"))
        if len(facts) == _MOST_FACTS_EACH:
            break
    return facts


def _scalars(fields: Mapping[str, Any], depth: int) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name.lower() in OWN_NAMES or not _is_plain(name):
            continue
        if isinstance(value, dict) and depth < _DEEPEST:
            for path, scalar in _scalars(value, depth + 1):
                yield f"{name}.{path}", scalar
        elif isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, str) and _is_plain(value):
            yield name, value


def _is_plain(text: str) -> bool:
    """Short, at most three words of letters: a value out of a small set rather than a text or a number."""
    return len(text) <= _LONGEST_VALUE and _PLAIN.fullmatch(text) is not None
