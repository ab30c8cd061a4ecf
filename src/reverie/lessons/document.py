"""A lesson as a Markdown document that a person and an agent can read."""

import re
from collections.abc import Sequence

from reverie.display_name import shown_label, shown_name
from reverie.lessons.lesson import Adjustment, Effect, Evidence, Lesson

FOLDER = "/lessons"
IMPLICIT_NOTE = (
    "**Implicit**: nobody scored these sessions. They were compared on what users did afterwards (corrections, stops, "
    "thanks) and on how sessions were left, which is no measure of success."
)
_SHADOWS_LISTED = 5
_KIND_FOLDERS = {
    "best_practice": "best-practices",
    "failure_mitigation": "failure-mitigations",
    "training_priority": "training-priorities",
    "heuristic_adjustment": "heuristic-adjustments",
}


def lesson_path(lesson: Lesson) -> str:
    """Where a lesson lives in a store; it follows from the claim alone, so it stays from dream to dream."""
    words = re.sub(r"[^a-z0-9]+", "-", f"{lesson.scope.task_family or ''} {lesson.behaviour}".lower()).strip("-")
    return f"{FOLDER}/{_KIND_FOLDERS[lesson.kind]}/{words[:60].rstrip('-')}-{lesson.id[-6:].lower()}.md"


def lesson_document(lesson: Lesson) -> str:
    """The document: what to do, when it applies, why, where it was seen, what speaks against it."""
    advice = lesson.advice
    sections = [
        f"# {advice}",
        f"_{lesson.kind.replace('_', ' ').capitalize()}, {_status(lesson)}. Lesson `{lesson.id}`._",
        f"## When it applies\n\n{_scope(lesson)}",
        f"## What to do\n\n{_what_to_do(lesson)}",
        f"## Why\n\n{_why(lesson)}",
        f"## Where seen\n\n{_list(lesson.evidence, 'No session to show.')}",
        f"## What speaks against it\n\n{_list(lesson.counter_examples, 'No session that did this ended otherwise.')}",
    ]
    if lesson.implicit:
        sections.insert(2, IMPLICIT_NOTE)
    if lesson.shadows:
        shadows = "\n".join(f"- `{shown_label(shadow)}`" for shadow in lesson.shadows[:_SHADOWS_LISTED])
        if len(lesson.shadows) > _SHADOWS_LISTED:
            shadows += f"\n- and {len(lesson.shadows) - _SHADOWS_LISTED} more"
        sections.append(f"## Explained by it\n\nThese looked telling only because they go with it:\n\n{shadows}")
    if lesson.also:
        also = "\n".join(f"- `{label}`" for label in lesson.also[:_SHADOWS_LISTED])
        sections.append(f"## Also seen as\n\nNearly the same sessions, in words harder to follow:\n\n{also}")
    return "\n\n".join(sections) + "\n"


def _status(lesson: Lesson) -> str:
    return f"{lesson.status}, implicit" if lesson.implicit else lesson.status


def _what_to_do(lesson: Lesson) -> str:
    parts = [f"{lesson.advice}."]
    if lesson.instead_of:
        parts.append(f"Others did this instead: {lesson.instead_of}.")
    parts += [f"For example, in session `{each.session_id}`:\n\n{_verbatim(each.text)}" for each in lesson.examples]
    return "\n\n".join(parts)


def _verbatim(text: str) -> str:
    """As a code block, whatever is in it: each line is indented, so that nothing ends the block or begins another."""
    return "\n".join(f"    {line}" for line in text.splitlines())


def _scope(lesson: Lesson) -> str:
    scope = lesson.scope
    parts = [
        f"- Agent: {shown_name(scope.agent)}" if scope.agent else "- Agent: any",
        f"- Task family: {shown_name(scope.task_family)}" if scope.task_family else "- Task family: any",
        f"- Condition: {scope.condition}" if scope.condition else "- Condition: none",
        f"- Behaviour: `{shown_label(lesson.behaviour)}`",
    ]
    return "\n".join(parts)


def _why(lesson: Lesson) -> str:
    """The numbers, where sessions were compared, and the reason; names in it are written as they are."""
    reason = f"{lesson.reason[:1].upper()}{lesson.reason[1:]}."
    if not lesson.sessions_with and not lesson.sessions_without:
        return reason
    return f"{lesson.numbers}\n\n{_table(lesson)}\n\n{reason}"


def _table(lesson: Lesson) -> str:
    rows = [
        *([("Setting", _adjustment(lesson.adjustment))] if lesson.adjustment else []),
        ("Effect on the sessions that did not find it", _interval(lesson.effect)),
        ("Effect where it was discovered", _interval(lesson.discovery) if lesson.discovery else "–"),
        *([("Effect on the reward, all sessions", _interval(lesson.on_reward))] if lesson.on_reward else []),
        *([] if lesson.implicit else _arms(lesson)),
        ("Tasks (strata) that could tell", str(lesson.strata_informative)),
        ("False discovery rate (q)", f"{lesson.q_value:.4f}"),
    ]
    return "| | |\n| --- | --- |\n" + "\n".join(f"| {name} | {value} |" for name, value in rows)


def _arms(lesson: Lesson) -> list[tuple[str, str]]:
    return [
        ("Sessions that did it, mean reward", _arm(lesson.sessions_with, lesson.reward_with)),
        ("Sessions that did not, mean reward", _arm(lesson.sessions_without, lesson.reward_without)),
    ]


def _adjustment(adjustment: Adjustment) -> str:
    """``search.limit: 20 → 5; seen: 20, 5, 50``."""
    values = ("unset" if value is None else _in_cell(value) for value in (adjustment.before, adjustment.to))
    seen = ", ".join(map(_in_cell, adjustment.seen))
    return f"`{_in_cell(adjustment.parameter)}`: {' → '.join(values)}; seen: {seen}"


def _in_cell(name: str) -> str:
    """A name in a table's cell, which a bar would end."""
    return shown_name(name).replace("|", "¦")


def _interval(effect: Effect) -> str:
    unit = "" if effect.unit == "reward" else f" {effect.unit}"
    return f"{effect.estimate:+.3f} ({effect.low:+.3f} to {effect.high:+.3f}){unit}"


def _arm(sessions: int, reward: float | None) -> str:
    return f"{sessions}, {reward:.3f}" if reward is not None else str(sessions)


def _list(evidence: Sequence[Evidence], otherwise: str) -> str:
    return "\n".join(_cited(e) for e in evidence) or otherwise


def _cited(evidence: Evidence) -> str:
    hint = f": {evidence.hint}" if evidence.hint else ""
    return f"- session `{evidence.session_id}`, event `{evidence.event_id}`{hint}"
