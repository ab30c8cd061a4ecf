"""Training priorities: segments that do worse than the rest, where no remedy is known yet."""

from collections.abc import Mapping, Sequence

from reverie.display_name import shown_name
from reverie.ids import derived_id, event_id
from reverie.lessons.lesson import Effect, Evidence, Lesson, Scope
from reverie.mining.attribution import RIGHT_AGENT, RIGHT_STEP, Attribution
from reverie.overview.overview import WeakSegment

_KINDS = {"category": "task category", "intent": "request", "theme": "theme", "variant": "agent variant"}


def propose_priorities(
    segments: Sequence[WeakSegment], *, store_id: str, agent: str | None, blamed: Mapping[str, Attribution]
) -> list[Lesson]:
    """A lesson for each weak segment: what to improve first, how many failures it would spare, and examples.

    Segments come compared with other sessions of the same agent variant and controlled for false discoveries; a
    priority says where to look, not what to do. ``blamed`` is the step that each failed example is traced to, by
    session id: a hint, and worded as one.
    """
    return [_priority(segment, store_id, agent, blamed) for segment in segments]


def _priority(segment: WeakSegment, store_id: str, agent: str | None, blamed: Mapping[str, Attribution]) -> Lesson:
    kind = _KINDS.get(segment.kind, segment.kind)
    return Lesson(
        id=derived_id("lsn", store_id, "priority", segment.kind, segment.label),
        kind="training_priority",
        do=f"improve the {kind} “{shown_name(segment.label)}” first",
        numbers=(
            f"{segment.failures} of {segment.size} sessions there did not go well, "
            f"{segment.share_of_failures:.0%} of all failures; they earned {-segment.difference:.2f} less "
            f"reward than other sessions ({-segment.high:.2f} to {-segment.low:.2f})."
        ),
        also=segment.also,
        scope=Scope(agent=agent, task_family=segment.label if segment.kind == "category" else None),
        behaviour=f"{segment.kind}:{segment.label}",
        effect=Effect(segment.difference, segment.low, segment.high),
        q_value=segment.q_value,
        strata_informative=1,
        sessions_with=segment.size,
        sessions_without=0,
        evidence=tuple(_example(session, blamed.get(session)) for session in segment.example_session_ids),
        status="candidate",
        reason=f"worse than the other sessions beyond chance (q = {segment.q_value:.3f}); no remedy is known yet",
    )


def _example(session_id: str, blamed: Attribution | None) -> Evidence:
    if blamed is None:
        return Evidence(session_id, event_id(session_id, 0))
    thread = f" (thread `{blamed.thread}`)" if blamed.thread not in (None, blamed.agent) else ""
    where = f"agent `{blamed.agent}`{thread} at this step" if blamed.agent else "this step"
    agent = f"the right agent in {RIGHT_AGENT:.0%} and " if blamed.agent else ""
    often = f"a hint: of the labelled failures it was made on, it names {agent}the right step in {RIGHT_STEP:.0%}"
    return Evidence(
        session_id, event_id(session_id, blamed.sequence), f"look first at {where}: {blamed.reason} ({often})"
    )
