"""From a session's events to the occurrences of its signals."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.digests.derived import checks, words
from reverie.digests.derived.occurrence import MESSAGE, Kind, Occurrence, Trace, shortened
from reverie.digests.moments import ACTIONS, Call, Fault, Message, Moment, Result, UserTurn
from reverie.digests.tool_name import writes
from reverie.sessions.event import Event, text_of

_MOST = 200
"""Occurrences kept of one session: the earliest, and the end."""
_MOST_ERRORS = 40
_LONGEST_DENIAL = 3_000
_PATHS = ("file_path", "path", "filename", "file", "target_file", "notebook_path", "relative_path")
_TARGETS = (("test_file", "test file"), ("documentation", "documentation"), ("configuration", "configuration"))
_NOT_RUN = frozenset({"command not found", "no such file", "permission denied", "rejected by the user", "timeout"})
"""Classes of errors that say that a check was not made, rather than that it failed."""
_LEAST_REPEATED = 5
"""Words of a message that count as repeated when they come again."""
_SAME = 0.8
_OF_USERS = frozenset({"correction", "thanks", "satisfied close", "frustration", "interruption"})
_CHANGING = frozenset(f"bash:{name}" for name in ("git", "rm", "mv", "cp", "mkdir", "chmod", "sed", "tee", "touch"))


def read_trace(events: Sequence[Event], moments: Sequence[Moment]) -> Trace:
    """The occurrences of a session. ``moments`` are those of its events."""
    turns = [moment for moment in moments if isinstance(moment, UserTurn)]
    language = words.language_of([text_of(events[turn.sequence]) for turn in turns])
    lexicon = words.lexicon_of(language)
    found = _Reader(events, lexicon).read(moments)
    ended = list(_ending(moments))
    return Trace(
        occurrences=(*found[:_MOST], *ended),
        language=language,
        words_read=lexicon is not None,
        turns=tuple(turn.step for turn in turns),
        steps=sum(isinstance(moment, ACTIONS) for moment in moments),
    )


class _Reader:
    """What is known while the events are read in order."""

    def __init__(self, events: Sequence[Event], lexicon: words.Lexicon | None) -> None:
        self._events, self._lexicon = events, lexicon
        self._found: list[Occurrence] = []
        self._last: Call | Message | None = None
        self._told: Call | None = None
        """Of the turn, the last call that changed something, else the last one: what a message at its end tells of."""
        self._step = self._errors = 0
        self._said: list[frozenset[str]] = []
        self._failed: dict[str | None, Result] = {}
        self._stopped_at: int | None = None
        """Where in what was found the user's stop stands that waits for the user's words."""

    def read(self, moments: Sequence[Moment]) -> list[Occurrence]:
        by_sequence = {moment.sequence: moment for moment in moments}
        last_turn = max((m.sequence for m in moments if isinstance(m, UserTurn)), default=-1)
        for sequence, event in enumerate(self._events):
            moment = by_sequence.get(sequence)
            if isinstance(moment, ACTIONS):
                self._act(moment, text_of(event) if isinstance(moment, Message) else "")
            elif isinstance(moment, Result):
                self._answer(moment, event)
            elif isinstance(moment, UserTurn):
                self._hear(sequence, text_of(event), is_last=sequence == last_turn)
            elif event.type == "user.interrupt":
                self._interrupt(sequence)
            else:
                self._confirm(sequence, event)
        self._give_up()
        return sorted(self._found, key=lambda occurrence: occurrence.sequence)

    def _add(self, kind: Kind, sequence: int, *, value: float = 1.0, quote: str = "", by: Call | None = None) -> None:
        act = by or (self._told if isinstance(self._last, Message) and kind in _OF_USERS else None) or self._last
        self._found.append(
            Occurrence(
                kind=kind,
                sequence=sequence,
                step=self._step,
                value=value,
                action=act.action if isinstance(act, Call) else MESSAGE if act else "",
                target=self._target(act) if isinstance(act, Call) else "",
                quote=shortened(quote),
            )
        )

    def _act(self, moment: Call | Message, text: str) -> None:
        labels = {label.family for label in moment.labels}
        self._stopped_at = None
        for kind in ("escalation", "refusal"):
            if kind in labels:
                self._add(kind, moment.sequence, quote=text)
        self._last, self._step = moment, moment.step + 1
        if isinstance(moment, Call):
            self._failed.pop(moment.thread, None)
            if self._told is None or _changes(moment) or not _changes(self._told):
                self._told = moment

    def _answer(self, moment: Result, event: Event) -> None:
        by_rule = moment.call is not None and moment.call.refused_by is not None
        if moment.error and not by_rule and _says_denied(moment.text):
            said = checks.users_words(moment.text)
            self._stop("denial", moment.sequence, said, moment.call)
            for order in words.instructions(said, self._lexicon) if self._lexicon else ():
                self._add("instruction", moment.sequence, quote=order)
            return
        if moment.error:
            self._failed[moment.thread] = moment
            self._fail(moment, moment.error)
        if moment.call is not None and not by_rule:
            self._run(moment, moment.call, event)

    def _fail(self, moment: Result, error: str) -> None:
        if self._errors < _MOST_ERRORS:
            self._errors += 1
            quote = moment.text.strip().partition("\n")[0]
            self._add("error", moment.sequence, quote=quote, by=moment.call)
            self._found[-1] = msgspec.structs.replace(self._found[-1], target=error)

    def _run(self, moment: Result, call: Call, event: Event) -> None:
        """What a command or a checking tool came to."""
        command = self._command(call)
        if command is None:
            named = checks.check_by_name(call.tool, moment.text, failed=moment.error is not None)
            if named is not None and moment.error not in _NOT_RUN:
                self._add(named.kind, moment.sequence, value=float(named.passed), quote=named.line, by=call)
            if checks.opens_pull_request(call.tool) and moment.error is None:
                self._add("pull request", moment.sequence, by=call)
            return
        status = _status(moment, event)
        if status is not None:
            self._add("command", moment.sequence, value=float(status), by=call)
        if moment.error not in _NOT_RUN:
            checked = checks.check_result(command, moment.text, status)
            if checked is not None:
                self._add(checked.kind, moment.sequence, value=float(checked.passed), quote=checked.line, by=call)
        if moment.error is None:
            parts = " ; ".join(checks.command_parts(command))
            kinds: tuple[tuple[str, Kind], ...] = (
                ("commit", "commit"),
                ("push", "push"),
                ("pull_request", "pull request"),
                ("revert", "revert"),
            )
            for name, kind in kinds:
                if checks.shows(name, parts):
                    self._add(kind, moment.sequence, quote=command, by=call)

    def _hear(self, sequence: int, text: str, *, is_last: bool) -> None:
        """What the user says; the opening is a wish and no reaction."""
        self._give_up()
        asked = isinstance(self._last, Message) and any(x.family in ("ask", "confirm") for x in self._last.labels)
        for order in words.instructions(text, self._lexicon) if self._lexicon else ():
            self._add("instruction", sequence, quote=order)
        repeated = self._repeats(text, asked=asked)
        if self._stopped_at is not None and text.strip():
            self._explain(text)
        if self._last is not None:
            self._react(sequence, text, repeated=repeated, asked=asked, is_last=is_last)
        self._told = None

    def _react(self, sequence: int, text: str, *, repeated: bool, asked: bool, is_last: bool) -> None:
        wrong = repeated or (self._lexicon is not None and words.corrects(text, self._lexicon, asked=asked))
        if wrong:
            self._add("correction", sequence, quote=text)
        if words.shouts(text) or (self._lexicon is not None and words.frustrated(text, self._lexicon)):
            self._add("frustration", sequence, quote=text)
        if self._lexicon is not None and not wrong and words.thanks(text, self._lexicon):
            self._add("thanks", sequence, quote=text)
            if is_last:
                self._add("satisfied close", sequence, quote=text)

    def _repeats(self, text: str, *, asked: bool) -> bool:
        """Whether the user says again, in nearly the same words, what they had said before; whatever the language."""
        said = frozenset(words.plain(text).split())
        if len(said) < _LEAST_REPEATED:
            return False
        again = any(len(said & before) >= _SAME * len(said | before) for before in self._said)
        self._said.append(said)
        return again and not asked and self._last is not None

    def _interrupt(self, sequence: int) -> None:
        """A stop; the one that Claude Code writes behind a call turned down is the same stop."""
        if self._stopped_at is None:
            self._stop("interruption", sequence, "", None)

    def _confirm(self, sequence: int, event: Event) -> None:
        """A call of a live session that the user turned down."""
        # Live sessions hold more types than importers make.
        if str(event.type) == "user.tool_confirmation" and event.payload.get("result") == "deny":
            self._stop("denial", sequence, str(event.payload.get("deny_message") or ""), None)

    def _stop(self, kind: Kind, sequence: int, said: str, call: Call | None) -> None:
        self._add(kind, sequence, quote=said, by=call)
        self._stopped_at = len(self._found) - 1

    def _explain(self, text: str) -> None:
        """The user's first words after a stop say why, where the stop itself does not."""
        place, self._stopped_at = self._stopped_at, None
        if place is not None and not self._found[place].quote:
            stop = self._found[place]
            self._found[place] = msgspec.structs.replace(stop, quote=shortened(text))

    def _give_up(self) -> None:
        """Errors that nothing was done about before the user spoke or the session ended."""
        for failed in self._failed.values():
            quote = failed.text.strip().partition("\n")[0]
            self._add("unanswered error", failed.sequence, quote=quote, by=failed.call)
        self._failed.clear()

    def _command(self, call: Call) -> str | None:
        """The shell command of a call; None where it is none."""
        if call.code is None or not call.action.startswith("bash:"):
            return None
        text = self._arguments(call).get(call.code.argument)
        return text if isinstance(text, str) else None

    def _arguments(self, call: Call) -> Mapping[str, Any]:
        given = self._events[call.sequence].payload.get("input")
        return given if isinstance(given, dict) else {}

    def _target(self, call: Call) -> str:
        arguments = self._arguments(call)
        path = next((arguments[name] for name in _PATHS if isinstance(arguments.get(name), str)), "")
        return next((said for name, said in _TARGETS if path and checks.shows(name, path)), "")


def _says_denied(text: str) -> bool:
    return len(text) <= _LONGEST_DENIAL and checks.shows("denied", text)


def _changes(call: Call) -> bool:
    return writes(call.tool) or call.action in _CHANGING


def _status(moment: Result, event: Event) -> int | None:
    """The exit status of a command, where its source says it."""
    named = checks.exit_status(moment.text)
    flag = event.payload.get("is_error")
    if isinstance(flag, bool):
        return (named or 1) if flag else 0
    return named if named is not None else 1 if moment.error else None


def _ending(moments: Sequence[Moment]) -> Iterator[Occurrence]:
    """How a session was left, where it was left before its end."""
    # What ends a session early for other reasons (limits, crashes of the harness) is told apart elsewhere.
    own = [m for m in moments if not isinstance(m, Call | Message | Result) or m.thread is None] or list(moments)
    last = own[-1] if own else None
    step = sum(isinstance(moment, ACTIONS) for moment in moments)
    if isinstance(last, Call):
        yield Occurrence("ended on running tool", last.sequence, step, action=last.action)
    elif isinstance(last, Fault):
        yield Occurrence("ended on error", last.sequence, step, quote=shortened(last.error))
    elif isinstance(last, Result) and last.error:
        action = last.call.action if last.call else ""
        quote = shortened(last.text.strip().partition("\n")[0])
        yield Occurrence("ended on error", last.sequence, step, action=action, quote=quote)
    elif isinstance(last, Message) and any(label.family in ("ask", "confirm") for label in last.labels):
        yield Occurrence("ended on question", last.sequence, step, action=MESSAGE)
