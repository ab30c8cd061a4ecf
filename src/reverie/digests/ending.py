"""How a session came to its end, as far as its own events, or its source, say so.

``answered``: the agent had the last word, or the user closed; ``gave_up``: it declined, handed over, or said that it
could not; ``ran_out``: it used up its turns, tokens or money, which is a failure of its own; ``stopped``: the user
stopped it; ``cut_off``: the machinery around it did (time-outs, rate limits, crashes), which says nothing of the agent;
``unknown``: the transcript breaks off, and nothing says why.
"""

import re
from collections.abc import Sequence
from typing import Any

from reverie.digests.digest import CauseOfEnd, Ending
from reverie.digests.tool_name import escalates
from reverie.digests.wording import read_wording
from reverie.sessions.event import Event, text_of

CAUSES: tuple[CauseOfEnd, ...] = ("answered", "gave_up", "ran_out", "stopped", "cut_off", "unknown")


_SEPARATORS = re.compile(r"[\W_]+|(?<=[a-z])(?=[A-Z])")
_PATTERNS: tuple[tuple[CauseOfEnd, re.Pattern[str]], ...] = (
    (
        "cut_off",
        re.compile(
            r"rate ?limit|too many requests|(?:try again|retry) (?:in|after) \d|time ?d? ?out|deadline"
            r"|overload|unavailable|\b(?:429|50[0-9]|52\d|529)\b"
            r"|crash|connection|network|disconnect|socket|api error|server error|internal error|system error"
            r"|out of memory|\boom\b|killed|sig(?:kill|term)|harness|infra|environment (?:error|fail)"
            r"|(?:sandbox|container|docker|worker|runner|node) (?:\w+ )?(?:error|fail|lost|died|exit|down)"
            r"|error during execution|early exit|retries exhausted|quota|billing|credit balance|authenticat|unauthori"
            r"|time ?limit|wall ?(?:clock|time)|execution time|preempt|evict|shut ?down|broken pipe|eof ?error"
            r"|exit (?:api|environment|error)|unexpected error"
        ),
    ),
    (
        "ran_out",
        re.compile(
            r"max(?:imum)? (?:number of )?(?:\w+ )?(?:turn|step|token|iteration|call|round|message|budget)"
            r"|(?:turn|step|token|iteration|message|cost|recursion|context|length|budget) ?"
            r"(?:limit|exceed|exhaust|window)"
            r"|out of (?:token|turn|step|budget|context)|exit (?:cost|context)|too long|\blength\b|truncated"
        ),
    ),
    (
        "stopped",
        re.compile(
            r"(?:by|from) (?:the )?(?:user|human|operator)|user (?:interrupt|cancel|abort|quit|stopped)"
            r"|keyboard ?interrupt|interrupted|cancell?ed|\babort(?:ed)?\b"
        ),
    ),
    (
        "gave_up",
        re.compile(
            r"refus|content filter|gave up|give up|giv(?:e|ing) up|forfeit|exit format|transfer(?:red)? to"
            r"|escalat|too many errors"
        ),
    ),
    (
        "answered",
        re.compile(
            r"\b(?:end turn|stop|stop sequence|success|successful|succeeded|complete|completed|done|finished|submitted"
            r"|submit|agent stop|user stop|ok|resolved|solved|answered|idle)\b"
        ),
    ),
)
_CRASHED = frozenset({"error", "errored", "exception", "fatal"})
_ERROR_REPLY = re.compile(r"^\W*(?:api |request |internal |server )?(?:error|exception|fault)\b", re.IGNORECASE)
_LONGEST_ERROR = 400
_CLOSING = re.compile(
    r"#+ ?(?:stop|end|done|exit)"
    r"|\b(?:thanks|thank you|thx|bye|goodbye|that'?s all|perfect|great|danke|merci|gracias)\b",
    re.IGNORECASE,
)
_PASSED_OVER = frozenset(
    {"span.model_request_end", "session.usage", "session.thread_created", "system.message", "agent.thinking"}
)


def stated_cause(reason: str, wrong: str) -> CauseOfEnd | None:
    """The cause that a source states; None where it says nothing that tells.

    Args:
        reason: why it ended, in the source's words, such as ``max_turns_reached``.
        wrong: what went wrong with the run itself, such as an exception.
    """
    cause = _named(wrong) if wrong else None
    if wrong:
        # An error of the run that names nothing known is still one of the machinery.
        return cause if cause in ("ran_out", "stopped", "gave_up") else "cut_off"
    return "cut_off" if reason.strip().lower() in _CRASHED else _named(reason)


def cause_of(ending: Ending, reason: str = "", wrong: str = "") -> CauseOfEnd:
    """Why a session ended, by what its source states and by its transcript."""
    stated = stated_cause(reason, wrong)
    if stated is None or stated == "answered":
        # That a run was completed does not say that it was not given up, nor why its log breaks off.
        return ending.cause if stated is None or ending.cause != "unknown" else "answered"
    return stated


def read_ending(events: Sequence[Event]) -> Ending:
    """How these events end."""
    said_by_user = ""
    for event in reversed(events):
        if event.type in _PASSED_OVER:
            continue
        if event.type == "session.status_idle":
            if (cause := _idle(event.payload)) is not None:
                return Ending(cause, "error")
            continue
        if event.type == "user.message":
            said_by_user = said_by_user or text_of(event) or " "
            continue
        ending = _last(event, events)
        if ending is None:
            continue
        return _after_user(ending, said_by_user) if said_by_user else ending
    return Ending("unknown", "user" if said_by_user else "")


def _after_user(ending: Ending, said: str) -> Ending:
    """The end of a session in which the user wrote ``said`` after what would otherwise have been it."""
    if ending.on == "error" or ending.cause == "stopped":
        return ending
    if ending.on == "message" and _CLOSING.search(said):
        return ending
    return Ending("unknown", "user", ending.action)


def _last(event: Event, events: Sequence[Event]) -> Ending | None:
    match event.type:
        case "session.error":
            return Ending(_faulted(event), "error")
        case "user.interrupt":
            return Ending("stopped", "user")
        case "agent.message":
            return Ending(_spoken(text_of(event)), "message")
        case "agent.tool_use":
            return _acted(str(event.payload.get("name", "")), "call")
        case "agent.tool_result" | "user.tool_result":
            return _acted(str(event.payload.get("name") or _latest_tool(events)), "result")
    return None


def _acted(tool: str, on: str) -> Ending:
    return Ending("gave_up" if escalates(tool) else "unknown", on, tool)


def _latest_tool(events: Sequence[Event]) -> str:
    return next(
        (str(event.payload.get("name", "")) for event in reversed(events) if event.type == "agent.tool_use"), ""
    )


def _faulted(event: Event) -> CauseOfEnd:
    error: Any = event.payload.get("error")
    said = f"{error.get('type', '')} {error.get('message', '')}" if isinstance(error, dict) else str(error)
    cause = _named(said)
    return cause if cause in ("ran_out", "stopped") else "cut_off"


def _idle(payload: dict[str, Any]) -> CauseOfEnd | None:
    reason = payload.get("stop_reason")
    said = str(reason.get("type", "")) if isinstance(reason, dict) else str(reason or "")
    cause = _named(said)
    return cause if cause in ("cut_off", "ran_out") else None


def _spoken(text: str) -> CauseOfEnd:
    if not text.strip():
        return "unknown"
    if len(text) <= _LONGEST_ERROR and _ERROR_REPLY.match(text) and _named(text) in ("cut_off", "ran_out"):
        return _named(text) or "cut_off"
    signals = read_wording(text).signals
    return "gave_up" if "refusal" in signals or "fallback" in signals or "escalation" in signals else "answered"


def _named(said: str) -> CauseOfEnd | None:
    words = _SEPARATORS.sub(" ", said[:2_000]).lower()
    return next((cause for cause, pattern in _PATTERNS if pattern.search(words)), None)
