"""How a cross-check goes: some are asked, most of them agree or a judge chooses, and the call has its result.

Pure. Each step is one transition, decided by the threads that are there: whoever takes a turn over goes on from the
log.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import cycle, islice
from typing import Any, Literal

import msgspec

from reverie.prompts.data import DATA_RULE, mark_data
from reverie.runtime.check_threads import MOST_MEMBERS, is_under_way, judge_id, member_id, members_of
from reverie.runtime.conversation import ThreadEvent, texts_of
from reverie.runtime.delegation import MOST_THREADS, answer, call_in, has_places, roster
from reverie.runtime.live_state import LiveState, PendingCall, Transition
from reverie.runtime.role import NO_ROLES, Roles
from reverie.runtime.role_task import part_of
from reverie.runtime.threads import rest_awaiting
from reverie.runtime.turn import end_child
from reverie.teams.answers import Tally, tally
from reverie.teams.cross_check import (
    NOT_CALIBRATED,
    Answer,
    CheckChoice,
    CheckResult,
    Silence,
    digest_of_answer,
    result_content,
)
from reverie.teams.reliability import Reliability, SettledBy

JUDGE = "cross-check judge"
"""Who judges where the coordinator names nobody: its model, with this system prompt and nothing else."""
JUDGE_SYSTEM = "You choose between answers to a question by what is right, whoever gave them and however they sound."
_USUAL_MEMBERS = 3
_HAND_IN = "Hand in the answer alone with submit_result, as short as it can be and without an explanation."
_REASONS: Mapping[str, str] = {
    "retries_exhausted": "its requests failed",
    "budget_reached": "the session's budget is spent",
    "refusal": "it refused",
}
_NUMBERS = re.compile(r"\d+")

Step = Literal["begin", "wait", "judge", "settle"]


class Question(msgspec.Struct, frozen=True):
    """What a call asks, and whom."""

    text: str
    agents: tuple[str, ...]


class Said(msgspec.Struct, frozen=True):
    """What a thread came to."""

    text: str | None
    reason: str = ""
    """Why there is no text."""


def read_question(given: Mapping[str, Any], agent: Mapping[str, Any], judge: str | None) -> Question | str:
    """What a call asks; a text is what is wrong with it, in words that the agent can act on."""
    question, number, named = given.get("question"), given.get("n"), given.get("agents")
    if not isinstance(question, str) or not question.strip():
        return "question: give a text; it is needed."
    if number is not None and (type(number) is not int or not 2 <= number <= MOST_MEMBERS):
        return f"n: give a whole number from 2 to {MOST_MEMBERS}, or leave it out."
    known = roster(agent)
    if named is not None and not (isinstance(named, list) and named and all(isinstance(one, str) for one in named)):
        return "agents: give a list of names, or leave it out."
    unknown = [name for name in named or () if name not in known]
    if unknown:
        return f"agents: there is no agent {unknown[0]!r} to ask. Name some of: {', '.join(known)}."
    wanted = number or (max(2, len(named)) if named else _USUAL_MEMBERS)
    if len(named or ()) > wanted or wanted > MOST_MEMBERS:
        return f"agents: {len(named or ())} are named; at most {number or MOST_MEMBERS} are asked."
    from_whom = named or _unlike([name for name in known if name != judge] or list(known), known)
    return Question(question, tuple(islice(cycle(from_whom), wanted)))


def _unlike(names: Sequence[str], known: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Agents in an order in which those with a model of their own come first."""
    models = [_model(known, name) for name in names]
    return [names[place] for place in sorted(range(len(names)), key=lambda place: models.index(models[place]) < place)]


def _model(known: Mapping[str, Mapping[str, Any]], name: str) -> str:
    return str((known.get(name, {}).get("model") or {}).get("id", ""))


def said_in(log: Sequence[ThreadEvent]) -> Said:
    """What a thread that has come to rest said to whoever called it in."""
    sent = [event for event in log if event.type == "agent.thread_message_sent"]
    rests = [event for event in log if event.type == "session.thread_status_idle"]
    reason = str(((rests[-1].payload.get("stop_reason") or {}) if rests else {}).get("type"))
    text = "\n".join(texts_of(sent[-1].payload)).strip() if sent else ""
    if reason in _REASONS:
        return Said(None, f"{_REASONS[reason]}: {text}" if text else _REASONS[reason])
    return Said(text) if text else Said(None, "it was stopped, or its thread archived, before it answered")


def next_step(state: LiveState, call_id: str, said: Mapping[str, Said]) -> Step:
    """What is to be done for a check now.

    Args:
        said: by the ids of its threads.
    """
    if not members_of(state, call_id):
        return "begin"
    if is_under_way(state, call_id):
        return "wait"
    counted = count(state, call_id, said)
    return "judge" if counted.winner is None and len(counted.groups) > 1 and judge_id(call_id) not in said else "settle"


def count(state: LiveState, call_id: str, said: Mapping[str, Said]) -> Tally:
    """The answers of a check's members, the same ones together."""
    return tally([said[member.id].text for member in members_of(state, call_id)])


def begin(transition: Transition, call: PendingCall, question: Question, roles: Roles = NO_ROLES) -> None:
    """Put the question to all that are asked, and rest.

    Args:
        roles: the coordinator's; no more of an agent run at once than they say.
    """
    if not has_places(transition, len(question.agents) + 1):
        problem = (
            f"There is no place for {len(question.agents)} more threads and a judge; at most {MOST_THREADS} go on."
        )
        answer(transition, call, [{"type": "text", "text": problem}], is_error=True)
        return
    for place, name in enumerate(question.agents):
        task = f"{question.text}\n\n{_HAND_IN}"
        call_in(transition, member_id(call.event_id, place), name, task, part_of(roles, name))
    rest_awaiting(transition)


def ask_judge(
    transition: Transition, call: PendingCall, question: str, said: Mapping[str, Said], choice: CheckChoice
) -> None:
    """Have the judge choose, who sees the answers in an order that says nothing, and rest."""
    choices = _choices(transition.state, call.event_id, said)
    listed = "\n\n".join(f"Answer {number}:\n{mark_data(text)}" for number, text in enumerate(choices, 1))
    task = (
        f"Several answers were given to one question. Choose the right one.\n\n{DATA_RULE}\n\n"
        f"The question:\n{mark_data(question)}\n\n{listed}\n\n"
        "Work the question out for yourself first. Then hand in the number of the right answer alone with "
        "submit_result; 0 where none is right, or where you cannot tell."
    )
    call_in(transition, judge_id(call.event_id), choice.judge or JUDGE, task)
    rest_awaiting(transition)


def _choices(state: LiveState, call_id: str, said: Mapping[str, Said]) -> list[str]:
    """One text of each answer, in the order of their digests: neither who gave it nor how many shows."""
    members, groups = members_of(state, call_id), count(state, call_id, said).groups
    texts = [said[members[places[0]].id].text or "" for places in groups]
    return sorted(texts, key=digest_of_answer)


def check_result(
    state: LiveState, call_id: str, said: Mapping[str, Said], agent: Mapping[str, Any]
) -> tuple[CheckResult, tuple[str, ...]]:
    """What a check came to, not calibrated yet, and the text of each answer."""
    members, counted, known = members_of(state, call_id), count(state, call_id, said), roster(agent)
    texts = tuple(said[members[places[0]].id].text or "" for places in counted.groups)
    answers = []
    for number, (places, text) in enumerate(zip(counted.groups, texts, strict=True), 1):
        names = [members[place].agent_name for place in places]
        models = tuple(_model(known, name) for name in names)
        answers.append(Answer(number, tuple(names), models, digest_of_answer(text)))
    given = {place for places in counted.groups for place in places}
    silent = (
        Silence(one.agent_name, said[one.id].reason or "it said nothing")
        for place, one in enumerate(members)
        if place not in given
    )
    settled_by, winner, why_not = _settled(state, call_id, said, counted)
    return CheckResult(len(members), tuple(answers), tuple(silent), settled_by, winner, why_not), texts


def _settled(
    state: LiveState, call_id: str, said: Mapping[str, Said], counted: Tally
) -> tuple[SettledBy, int | None, str | None]:
    """By whom, the number of the answer that won, and why none did."""
    if counted.winner is not None:
        return "vote", counted.winner + 1, None
    if not counted.groups:
        return "none", None, "nobody answered"
    judged = said.get(judge_id(call_id))
    if judged is None:
        return "none", None, "too few answered to compare"
    if judged.text is None:
        return "none", None, f"the answers differ, and the judge is not available: {judged.reason}"
    choices = _choices(state, call_id, said)
    numbers = {int(number) for number in _NUMBERS.findall(judged.text[:200])}
    if len(numbers) != 1 or not 0 <= max(numbers) <= len(choices):
        return "none", None, "the answers differ, and the judge named none of them"
    if numbers == {0}:
        return "none", None, "the answers differ, and the judge could not tell which is right"
    digests = [digest_of_answer(said[members_of(state, call_id)[places[0]].id].text or "") for places in counted.groups]
    return "judge", digests.index(digest_of_answer(choices[max(numbers) - 1])) + 1, None


def settle(
    transition: Transition, call: PendingCall, result: CheckResult, texts: Sequence[str], calibrated: Reliability | None
) -> CheckResult:
    """Give the call its result and end the threads of the check; the result."""
    final = msgspec.structs.replace(result, reliability=calibrated or NOT_CALIBRATED)
    answer(transition, call, result_content(final, _in_words(final, texts)))
    workers = {judge_id(call.event_id), *(one.id for one in members_of(transition.state, call.event_id))}
    for thread in transition.state.threads:
        if thread.id in workers and not thread.archived and thread.status != "terminated":
            end_child(transition, thread)
    return final


def _in_words(result: CheckResult, texts: Sequence[str]) -> str:
    if result.winner is None:
        lines = [f"No answer won: {result.why_not}."]
    else:
        whose = "more than half gave it" if result.settled_by == "vote" else "a judge chose it; there was no majority"
        lines = [f"Answer {result.winner} won: {whose} ({result.level.agreeing} of {result.asked})."]
    known = result.reliability
    if isinstance(known, Reliability):
        lines.append(
            f"Such answers were right in {known.value:.0%} of {known.checks} scored checks "
            f"(95 % interval {known.low:.0%} to {known.high:.0%}; {known.of_family} of this kind of task)."
        )
    elif result.winner is not None:
        lines.append("How often such agreement is right is not calibrated yet: do not take it for certainty.")
    lines.extend(f"{one.agent} gave no answer:\n{mark_data(one.reason)}" for one in result.no_answer)
    if texts:
        lines.append(DATA_RULE)
    for given, text in zip(result.answers, texts, strict=True):
        lines.append(f"Answer {given.number}, of {len(given.agents)} ({', '.join(given.agents)}):\n{mark_data(text)}")
    return "\n\n".join(lines)
