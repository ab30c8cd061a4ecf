"""Dream results and transcripts for the report's tests: a support desk, small enough to read."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from reverie.dreams.dream import (
    DreamResult,
    PatternRow,
    PlaceboCounts,
    SessionCounts,
    StageTime,
    StrataSummary,
    TrendPoint,
)
from reverie.ids import event_id
from reverie.lessons.lesson import Effect, Evidence, Lesson, LessonStatus, Scope
from reverie.memory.change import Change
from reverie.sessions.event import Event, text_content
from reverie.sessions.session import Score, Session, Transcript

NOON = datetime(2026, 3, 5, 12, 0, tzinfo=UTC)
PROVING = 11
"""Sequence number of the event that lessons of :func:`support_desk` cite."""


def _said(kind: str, text: str) -> Event:
    return Event(type=kind, payload={"content": text_content(text)})  # type: ignore[arg-type]


def _call(session_id: str, sequence: int, name: str, argument: str, result: str) -> list[Event]:
    """A tool call at ``sequence`` and its result."""
    use = Event(type="agent.tool_use", payload={"name": name, "input": {"order_id": argument}})
    content = {"tool_use_id": event_id(session_id, sequence), "content": text_content(result), "name": name}
    return [use, Event(type="agent.tool_result", payload={**content, "is_error": result.startswith("Error")})]


def conversation(session_id: str, *, further_turns: int = 6, reward: float = 1.0) -> Transcript:
    """A refund request; the identity check, at ``PROVING``, is what matters."""
    order = f"#W{session_id[-4:]}"
    events = [
        _said("system.message", "You are the support desk of a bicycle shop. Check the policy before you refund."),
        _said("user.message", f"Hi, the lamp of order {order} came broken and I want my money back."),
        _said("agent.thinking", "The customer wants a refund. I need the order first."),
        *_call(session_id, 3, "lookup_order", order, '{"status": "delivered", "total": 48.5, "items": ["lamp"]}'),
        _said("agent.message", "I am sorry to hear that! Could you tell me your postcode, so that I can find you?"),
        _said("user.message", "It is 2611 XK. Please hurry, I have waited for a week."),
        *_call(session_id, 7, "check_policy", order, "Error: timeout contacting the policy service"),
        *_call(session_id, 9, "check_policy", order, '{"refundable": true, "days_left": 12}'),
        *_call(session_id, PROVING, "verify_identity", order, '{"verified": true}'),
        *_call(session_id, 13, "issue_refund", order, '{"refunded": 48.5}'),
        _said("agent.message", "Done: 48.50 is on its way to your card and should arrive within five days."),
    ]
    for turn in range(further_turns):
        events.append(_said("user.message", f"One more thing ({turn + 1}): does the new lamp fit the old bracket?"))
        events.append(_said("agent.message", "Yes, the bracket has not changed since 2019. " * 4))
    session = Session(
        id=session_id, source="chat", agent="desk", agent_version="7", model="small-1", task_id="refund-12",
        task_category="refund", started_at=NOON - timedelta(days=3),
    )  # fmt: skip
    return Transcript(session, tuple(events), (Score("reward", reward),))


def lesson(number: int, *, status: LessonStatus = "adopted", cited: tuple[str, ...] = (), **changes: object) -> Lesson:
    """A lesson that cites ``PROVING`` in each session of ``cited``."""
    fields: dict[str, object] = {
        "id": f"lsn_{number:024d}",
        "kind": "best_practice",
        "do": "call `verify_identity` before the first `issue_refund`",
        "numbers": "Sessions that did it earned 0.19 more.",
        "scope": Scope(agent="desk", task_family="refund", condition="you are about to call `issue_refund`"),
        "behaviour": "before issue_refund | call:verify_identity",
        "effect": Effect(0.19, 0.08, 0.30),
        "q_value": 0.0004,
        "strata_informative": 38,
        "sessions_with": 412,
        "sessions_without": 388,
        "evidence": tuple(Evidence(session_id, event_id(session_id, PROVING)) for session_id in cited),
        "status": status,
        "reason": "Confirmed on sessions kept aside, in 38 tasks.",
        "discovery": Effect(0.22, 0.13, 0.31),
        "reward_with": 0.71,
        "reward_without": 0.52,
    }
    return Lesson(**(fields | changes))  # type: ignore[arg-type]


def pattern(situation: str, behaviour: str, effect: float | None, verdict: str, naive: float) -> PatternRow:
    """A tested pattern; ``effect`` None where no stratum could inform it."""
    return PatternRow(
        situation=situation,
        behaviour=behaviour,
        kind="choice",
        effect=None if effect is None else Effect(effect, effect - 0.11, effect + 0.11),
        q_value=0.002 if verdict == "adopted" else 0.04 if verdict == "candidate" else 0.41,
        strata_informative=0 if effect is None else 38,
        sessions_with=412,
        sessions_without=388,
        verdict=verdict,
        naive_effect=naive,
    )


def support_desk() -> tuple[DreamResult, Mapping[str, Transcript]]:
    """A good dream: three lessons adopted, one candidate, one retired, a crowd refused."""
    names = [f"desk-{number:04d}" for number in range(12)]
    transcripts = {name: conversation(name, further_turns=number) for number, name in enumerate(names)}
    retry = "After a timeout of `check_policy`, call it again before you apologise."
    retried = "after error:timeout | same tool, changed input"
    lessons = (
        lesson(
            0,
            cited=tuple(names[:6]),
            shadows=("call:add_note", "then:verify_identity→add_note"),
            counter_examples=(Evidence(names[6], event_id(names[6], PROVING)), Evidence("desk-9999", "sevt_gone")),
        ),
        lesson(
            1, cited=tuple(names[4:9]), kind="failure_mitigation", do=retry, numbers="", behaviour=retried,
            scope=Scope(condition="the last tool call failed with “timeout”"), effect=Effect(0.17, 0.06, 0.28),
            reward_with=0.66, reward_without=0.49, strata_informative=31,
        ),
        lesson(
            2, cited=tuple(names[8:11]), kind="heuristic_adjustment", behaviour="start | ask", scope=Scope(),
            do="do not open with a question when the order number is already given", numbers="",
            effect=Effect(-0.12, -0.20, -0.04), q_value=0.021, reward_with=0.51, reward_without=0.63,
        ),
        lesson(3, status="candidate", cited=(names[11],), behaviour="call:check_policy", q_value=0.043,
               do="call `check_policy` before `issue_refund`", numbers="", effect=Effect(0.09, -0.01, 0.19),
               reason="Found, but not yet confirmed: 9 tasks kept aside could tell, 12 are needed."),
        lesson(4, status="refused", behaviour="escalation", effect=Effect(0.02, -0.05, 0.09), q_value=0.63,
               do="call `escalate_to_human` early", numbers="", reason="No difference within tasks (q 0.630)."),
    )  # fmt: skip
    return _result(lessons, _patterns()), transcripts


def _patterns() -> tuple[PatternRow, ...]:
    shuffled = random.Random(7)
    tools = ["search_kb", "escalate_to_human", "add_note", "update_address", "cancel_order", "create_replacement"]
    refused = [
        pattern("session", f"then:{first}→{second}", shuffled.uniform(-0.06, 0.06),
                "no difference within tasks (q 0.410)", shuffled.uniform(-0.35, 0.35))
        for first in tools for second in tools if first != second
    ]  # fmt: skip
    return (
        pattern("before issue_refund", "call:verify_identity", 0.19, "adopted", 0.24),
        pattern("after error:timeout", "same tool, changed input", 0.17, "adopted", 0.05),
        pattern("start", "ask", -0.12, "adopted", -0.18),
        pattern("before issue_refund", "call:check_policy", 0.09, "candidate", 0.12),
        pattern("session", "call:escalate_to_human", 0.01, "no difference within tasks (q 0.410)", -0.41),
        pattern("session", "call:search_kb", 0.00, "no difference within tasks (q 0.410)", -0.33),
        pattern("session", "apology", -0.15, "a symptom of trouble, never advice", -0.30),
        pattern("session", "repeat:lookup_order", -0.08, "a symptom of trouble, never advice", -0.28),
        pattern("session", "call:add_note", 0.10, "a shadow of `before issue_refund | call:verify_identity`", 0.16),
        pattern("seen lookup_order.status=lost", "call:create_replacement", None, "no task could tell", 0.22),
        *refused,
    )


def _result(lessons: tuple[Lesson, ...], patterns: tuple[PatternRow, ...]) -> DreamResult:
    week = [0.44, 0.47, None, 0.46, 0.52, 0.50, 0.57, 0.61, 0.60, 0.66]
    trend = [
        TrendPoint(f"2026-{1 + n // 4:02d}-{1 + 7 * (n % 4):02d}", 200, 0 if mean is None else 196, mean,
                   None if mean is None else mean - 0.07, None if mean is None else mean + 0.07)
        for n, mean in enumerate(week)
    ]  # fmt: skip
    return DreamResult(
        dream_id="drm_4Fq0000000000000000000ab",
        status="completed",
        sessions=SessionCounts(read=2000, new=350, scored=1960, dated=1900),
        tested=len(patterns),
        placebo=PlaceboCounts(runs=20, lessons=0),
        lessons=lessons,
        patterns=patterns,
        changes=(
            Change("add", "/lessons/verify-identity.md", "New lesson, adopted at q 0.0004."),
            Change("edit", "/lessons/retry-after-timeout.md", "Its interval is narrower now."),
            Change("merge", "/notes/refunds.md", "Same text as `/notes/money-back.md`."),
            Change("drop", "/notes/money-back.md", "Merged into `/notes/refunds.md`."),
        ),
        seconds=74.2,
        store="support",
        where="task_category = 'refund'",
        revision=7,
        strata=StrataSummary(by="task", strata=100, informative=64, variants=3, detectable_effect=0.09),
        trend=tuple(trend),
        stages=(
            StageTime("digest", 41.0),
            StageTime("mine", 22.4),
            StageTime("placebo", 10.1),
            StageTime("write", 0.7),
        ),
        started_at=NOON,
    )


def empty_dream(*, read: int = 0, scored: int = 0, tested: int = 0) -> DreamResult:
    """A completed dream that found nothing."""
    return DreamResult(
        dream_id="drm_empty", status="completed", sessions=SessionCounts(read=read, new=read, scored=scored),
        tested=tested, placebo=PlaceboCounts(runs=0, lessons=0), lessons=(), patterns=(), changes=(), seconds=0.3,
    )  # fmt: skip
