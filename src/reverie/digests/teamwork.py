"""Behaviours of agents that give each other tasks: what a brief says, what a report rests on, what is done twice.

Of each agent the first task of a session counts: whoever asks again, or calls in the same agent for something else, has
more occasions to say everything. Sessions in which nobody gives anybody a task show none of this.
"""

import re
from collections.abc import Iterator

import msgspec

from reverie.digests.behaviour_name import SESSION, BehaviourName, Situation
from reverie.digests.brief import NAMED, PARTS, brief_parts
from reverie.digests.derived.checks import check_by_name, check_result
from reverie.digests.digest import SituationReached
from reverie.digests.effect import effect_of
from reverie.digests.families import Finding, Moments, shown
from reverie.digests.moments import ACTIONS, Brief, Call, Message, Moment, Result, Sent
from reverie.digests.tool_name import words_of
from reverie.digests.wording import read_wording

_CHECKING = frozenset({"verify", "validate", "test", "tests", "assert"})
"""Words of tools that check; "check" is left out, as most of what is so called looks something up."""
_NOT_RUN = frozenset({"command not found", "no such file", "permission denied", "rejected by the user", "timeout"})
"""Classes of errors that say that a check was not made, rather than that it failed."""
_CALLING_IN = frozenset({"agent", "agents", "subagent", "task", "delegate", "handoff"})
"""Words of tools that call agents in: they change nothing that another call could see."""
_REPORTING = "submit_result"
"""The tool by which an agent reports: it is no work on the task."""
_NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*\d(?!\w)")
_MOST_READ = 20_000
"""Characters of a result in which a report's words are looked for."""
_MOST_RESULTS = 200
_SHORTEST_ANSWER = 12
"""Characters of a message that are enough to know it again in a result."""


def briefs(moments: Moments) -> Iterator[Finding]:
    """Situation ``delegating AGENT``, at its first task, with ``brief:AGENT part`` for each part that its brief has.

    What is sent to it before it has done anything belongs to the brief.
    """
    asked: dict[str, str] = {}
    texts: dict[str, str] = {}
    for moment in moments:
        if not isinstance(moment, Brief):
            texts.pop(_actor(moment), None)
            continue
        agent, thread = moment.agent, moment.thread
        if agent not in asked:
            asked[agent], texts[thread] = thread, ""
            yield SituationReached(Situation("delegating", agent), moment.sequence, moment.step)
        if thread in texts:
            texts[thread] = f"{texts[thread]}\n{moment.text}".lstrip("\n")
            parts = brief_parts(texts[thread])
            for part in (part for part in PARTS if part in parts):
                yield shown(Situation("delegating", agent), BehaviourName("brief", f"{agent} {part}"), moment)


def _actor(moment: Moment) -> str:
    """The thread that did something; empty where it is the session's own, or nothing was done."""
    return moment.thread or "" if isinstance(moment, (*ACTIONS, Sent)) else ""


def repeated_work(moments: Moments) -> Iterator[Finding]:
    """``repeats another thread:T``: a call with the very same input as another thread made before.

    Not where anything may have been changed in between, by whomever: then looking again has a reason. Nor between
    threads that were given the same task, as those are that are asked apart so that their answers can be compared.
    """
    if not any(isinstance(moment, Brief) for moment in moments):
        return
    tasks: dict[str | None, str] = {}
    made: dict[bytes, tuple[int, set[str | None]]] = {}
    changes = 0
    for moment in moments:
        if isinstance(moment, Brief):
            tasks[moment.thread] = moment.text
        elif isinstance(moment, Call) and moment.tool != _REPORTING:
            state, threads = made.get(moment.identity, (changes, set()))
            threads = threads if state == changes else set()
            task = tasks.get(moment.thread)
            others = [each for each in threads if each != moment.thread and (task is None or tasks.get(each) != task)]
            if tasks and others:
                yield shown(SESSION, BehaviourName("repeats another thread", moment.action), moment)
            changes += _may_change(moment)
            made[moment.identity] = (changes, threads | {moment.thread})


def _may_change(call: Call) -> bool:
    return effect_of(call) != "looks" and words_of(call.tool).isdisjoint(_CALLING_IN)


class _Task(msgspec.Struct):
    """The first task of an agent, which it has not yet reported on."""

    thread: str
    asker: str | None
    agent: str
    brief: str
    call: int | None
    """The call that began the thread, where it is known."""
    results: list[str] = []
    calls: int = 0
    verified: bool = False
    """Whether a check was made since the last change."""
    said: str = ""
    """What it said last, where it has done nothing since."""
    parallel: bool = False
    """Whether whoever asked went on by itself meanwhile."""

    def take(self, moment: Moment) -> None:
        """Something happened in the thread."""
        if isinstance(moment, Message):
            self.said = moment.text
        elif isinstance(moment, Call) and moment.tool != _REPORTING:
            self.calls += 1
            self.said = ""
            if effect_of(moment) == "changes":
                self.verified = False
        elif isinstance(moment, Result):
            if len(self.results) < _MOST_RESULTS:
                self.results.append(moment.text[:_MOST_READ])
            self.verified = self.verified or _checks(moment)

    def report(self, text: str, moment: Moment) -> Iterator[Finding]:
        """It answered, as ``moment`` shows."""
        situation = Situation("reporting", self.agent)
        yield SituationReached(situation, moment.sequence, moment.step)
        if self.verified:
            yield shown(situation, BehaviourName("verified before report", self.agent), moment)
        if _cites(text, self.results, self.brief):
            yield shown(situation, BehaviourName("reports evidence", self.agent), moment)
        if not self.calls and read_wording(text).act != "answer":
            yield shown(situation, BehaviourName("asked back", self.agent), moment)


def reports(moments: Moments) -> Iterator[Finding]:
    """Situation ``reporting AGENT``, at the report on its first task.

    With ``verified before report``, ``reports evidence`` and ``asked back``, each with the agent. A report is what a
    thread sends to whoever asked. Logs that know no such messages have it as what the thread said last; that it was
    the last is known when the thread is asked again, when the call that began it has its result or any result of
    whoever asked repeats it, or when whoever asked, having waited, goes on.
    """
    tasks: dict[str, _Task] = {}
    agents: set[str] = set()
    answering = False
    for moment in moments:
        if isinstance(moment, Brief):
            task = tasks.get(moment.thread)
            if task is not None and (task.said or task.calls):
                yield from task.report(task.said, moment) if task.said and not answering else ()
                del tasks[moment.thread]
            elif task is not None:
                task.brief += f"\n{moment.text}"
            elif moment.agent not in agents:
                tasks[moment.thread] = _Task(moment.thread, moment.sender, moment.agent, moment.text, moment.call)
            agents.add(moment.agent)
            continue
        answering = answering or isinstance(moment, Sent)
        for task in list(tasks.values()):
            text = _report_of(task, moment, answering=answering)
            if text:
                yield from task.report(text, moment)
                del tasks[task.thread]


def _report_of(task: _Task, moment: Moment, *, answering: bool) -> str:
    """What a task's report is known to be now; until then what happens is taken note of.

    ``answering``: whether the log knows messages between threads.
    """
    if isinstance(moment, Sent):
        return moment.text if moment.thread == task.thread and moment.to == task.asker else ""
    if not isinstance(moment, (*ACTIONS, Result)):
        return ""
    if moment.thread == task.thread:
        task.take(moment)
    elif moment.thread == task.asker and not answering:
        if isinstance(moment, Result):
            return task.said if _answers(moment, task) else ""
        if not task.parallel and task.said:
            return task.said
        task.parallel = True
    return ""


def _answers(result: Result, task: _Task) -> bool:
    """Whether a result of whoever asked is that of the call that began the thread, or repeats its last words."""
    if result.call is not None and result.call.sequence == task.call:
        return True
    return len(task.said) >= _SHORTEST_ANSWER and task.said.strip() in result.text


def _checks(result: Result) -> bool:
    """Whether a result is a check's: tests, a build, a linter, types, or a tool whose name says that it checks."""
    call = result.call
    if call is None or call.refused_by is not None or result.error in _NOT_RUN:
        return False
    if call.code is None:
        named = check_by_name(call.tool, result.text, failed=result.error is not None)
        return named is not None or not words_of(call.tool).isdisjoint(_CHECKING)
    given = msgspec.json.decode(call.identity)[1]
    command = given.get(call.code.argument) if isinstance(given, dict) else None
    return isinstance(command, str) and check_result(command, result.text, None) is not None


def _cites(report: str, results: list[str], brief: str) -> bool:
    """Whether a report names a path, number or text of its own results that the brief had not named already."""
    named = {match.strip('`"“”„«»「」 \n').rstrip(".,;:") for match in NAMED.findall(report)} - {""}
    if any(each not in brief and any(each in result for result in results) for each in named):
        return True
    told = set(_NUMBER.findall(brief))
    numbers = set(_NUMBER.findall(report)) - told
    return any(numbers & set(_NUMBER.findall(result)) for result in results)
