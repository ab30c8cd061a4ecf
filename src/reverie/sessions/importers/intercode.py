"""Episodes of InterCode runs (github.com/princeton-nlp/intercode): SQL and bash tasks.

``info``, ``summary`` and the rewards by turn come from the grader: they give the score and nothing else.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from reverie.errors import ImportFormatError
from reverie.sessions.event import Event, text_content
from reverie.sessions.importers.draft import Draft, EventLog, as_number, as_text, content_blocks
from reverie.sessions.importers.identity import with_guesses
from reverie.sessions.importers.importer import Importer, Keys, Members
from reverie.sessions.importers.json_text import decode_json
from reverie.sessions.importers.model_name import model_in
from reverie.sessions.importers.record import RawRecord
from reverie.sessions.importers.tool_arguments import tool_arguments
from reverie.sessions.session import Session

_STRATEGIES = ("plan_solve_refine", "plan_solve", "react", "multiturn")
_INPUT_NAMES = {"sql": "query", "bash": "command", "python": "code", "ctf": "command", "swe": "command"}
_OTHER_INPUT = "action"
_WORDS = re.compile(r"[^a-z0-9]+")
_NO_NAMES = frozenset({"ic", "intercode", "env", "environment", "human", "agent", "results", "logs"})
"""Words in a name that tell no environment."""
_SUBMITTED = re.compile(r"submit\s+(\S.*)")
"""Of Python the name of the function, of CTF the flag."""
_NO_CODE = re.compile(r"No \w+ code was found in your last response")
_GUESSED_ERRORS = (
    "Error executing",
    "command not found",
    "syntax error",
    "No such file",
    "Permission denied",
    "No SQL code",
)


def parse_intercode(record: RawRecord) -> Draft:
    """Read one episode.

    Raises:
        ImportFormatError: a field is missing or cannot be used; names it.
    """
    context = record.context
    episode = decode_json(record.data)
    history = episode.get("turn_history") if isinstance(episode, dict) else None
    if not isinstance(history, dict):
        raise ImportFormatError("turn_history is missing")
    stem = context.get("stem", "")
    log = EventLog()
    domain = _domain(log, as_text(episode.get("environment")), stem)
    log.add("user.message", {"content": content_blocks(episode.get("query"))})
    _record_turns(log, history, domain)
    hardness = episode.get("hardness")
    session = Session(
        id="",
        source="intercode",
        agent="intercode",
        agent_version=_strategy(stem),
        model=model_in(_without_limit(stem)) or model_in(context.get("folder", "")),
        task_id=_task(domain, episode, context),
        task_category=domain,
        metadata={"hardness": hardness} if isinstance(hardness, str) else {},
    )
    draft = Draft(session, log)
    _take_reward(draft, episode.get("summary"), history.get("rewards"))
    return draft


def _domain(log: EventLog, environment: str, stem: str) -> str:
    """The environment's plain name: one that is known, else as the file calls it."""
    for place in (environment, stem):
        parts = _WORDS.split(place.lower())
        found = next((domain for domain in _INPUT_NAMES if domain in parts), None)
        if found:
            return found
    words = [word for word in _WORDS.split(environment.lower()) if word and word not in _NO_NAMES]
    domain = "_".join(words) or "intercode"
    named = (
        f"the environment {environment[:60]!r} is not one that is known" if environment else "no environment is named"
    )
    log.warn(f"{named} ({', '.join(_INPUT_NAMES)}); its tool is called {domain}")
    return domain


def _task(domain: str, episode: Mapping[str, Any], context: Mapping[str, str]) -> str | None:
    task = as_text(episode.get("task_id")) or context.get("key", "")
    if not task:
        return None
    if domain == "python":
        dataset = re.search(r"ic_([a-z0-9]+)(?:\.json)?$", as_text(episode.get("dataset")))
        return f"python:{dataset[1]}:{task}" if dataset else f"python:{task}"
    if domain == "bash":
        for place in (as_text(episode.get("dataset")), context.get("stem", "")):
            file_system = re.search(r"fs_\d+", place)
            if file_system:
                return f"bash:{file_system.group()}:{task}"
    return f"{domain}:{task}"


def _strategy(stem: str) -> str | None:
    """``ic_sql_multiturn_gpt-3.5_10_turns_handicap`` → ``multiturn_handicap_10_turns``; one turn is ``single``."""
    strategy = next((name for name in _STRATEGIES if name in stem), None)
    if strategy is None:
        return stem or None
    limit = re.search(r"(\d+)_turns", stem)
    turns = limit.group(1) if limit else ""
    if strategy == "multiturn" and turns == "1":
        strategy, turns = "single", ""
    handicap = "_handicap" if "handicap" in stem else ""
    return f"{strategy}{handicap}" + (f"_{turns}_turns" if turns else "")


def _without_limit(stem: str) -> str:
    return re.sub(r"[-_]\d+_turns", "", stem)


def _record_turns(log: EventLog, history: Mapping[str, Any], domain: str) -> None:
    """The lists may differ in length: a refused last action has no observation, a plan ends before its refinement."""
    columns = {name: items for name, items in history.items() if isinstance(items, list)}
    actions, observations = columns.get("actions", []), columns.get("observations", [])
    thoughts = [columns[name] for name in ("plans", "steps", "thoughts") if name in columns]
    validity = columns.get("valid_action", [])
    for turn in range(max(map(len, (actions, observations, *thoughts)))):
        for column in thoughts:
            if turn < len(column) and column[turn]:
                log.add("agent.thinking", {"content": text_content(as_text(column[turn]))})
        call = _record_action(log, as_text(actions[turn]), domain) if turn < len(actions) else None
        if turn < len(observations):
            text, failed = _observed(observations[turn], domain)
            # Of Python the log repeats what held at an earlier turn.
            refused = turn < len(validity) and validity[turn] is False and domain != "python"
            # On `submit` the last observation is shown again: its errors are not the submission's.
            submits = call is not None and log.events[call].payload["name"] == "submit"
            log.tool_result(call, content_blocks(text), True if refused else False if submits else failed, name=domain)


def _observed(observation: Any, domain: str) -> tuple[str, bool | None]:
    """What an action gave, and whether it says itself that it failed.

    The Python environment gives an object with what was printed and what was raised, which the log holds as text.
    """
    text = as_text(observation)
    if domain != "python":
        return text, None
    if _NO_CODE.match(text):
        return text, True
    printed = tool_arguments(text)
    if not printed or not printed.keys() <= {"output", "error"}:
        return text, None
    raised = as_text(printed.get("error"))
    return "\n".join(part for part in (as_text(printed.get("output")), raised) if part), bool(raised)


def _record_action(log: EventLog, action: str, domain: str) -> int:
    text = action.strip()
    submitted = _SUBMITTED.fullmatch(text)
    if text == "submit" or (submitted and domain in ("python", "ctf")):
        return log.tool_use("submit", {"answer": submitted[1]} if submitted else {})
    if text.startswith("execute["):
        action = text.removeprefix("execute[").removesuffix("]")
    return log.tool_use(domain, {_INPUT_NAMES.get(domain, _OTHER_INPUT): action})


def _take_reward(draft: Draft, summary: Any, rewards: Any) -> None:
    best = as_number(summary.get("max_reward")) if isinstance(summary, dict) else None
    if best is None:
        numbers = (as_number(value) for value in (rewards if isinstance(rewards, list) else ()))
        best = max((number for number in numbers if number is not None), default=None)
    if best is not None:
        draft.score("reward", min(1.0, max(0.0, best)), "summary.max_reward")  # Graders' penalties fall below 0.
    elif isinstance(summary, dict) and summary.get("max_reward") is not None:
        draft.log.warn("summary.max_reward is not a finite number; the score is left out")


def _is_intercode(keys: Keys) -> bool:
    return "turn_history" in keys.deeper


def _identity(events: Sequence[Event]) -> Sequence[Event]:
    return with_guesses(events, lambda text: any(sign in text for sign in _GUESSED_ERRORS))


IMPORTER = Importer(
    "intercode",
    parse_intercode,
    has_keys=_is_intercode,
    unit="member",
    members=Members(under="logs", passed_over=frozenset({"meta"})),
    identity=_identity,
)
