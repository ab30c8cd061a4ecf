"""``reverie label``: a person scores the sessions that tell most."""

import math
import shutil
import textwrap
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click
import msgspec

from reverie.cli.memory_text import json_option
from reverie.cli.run import run
from reverie.cli.table import format_table
from reverie.clock import SystemClock
from reverie.display_name import numbered
from reverie.dreams.policy import DreamPolicy
from reverie.errors import NotFoundError
from reverie.jobs.labelled_claims import read_claims
from reverie.jobs.labelling import next_task, record_answer, take_back_answer
from reverie.mining.few_labels import LabelledClaim, LabelledClaims
from reverie.outcomes.grader import GradedSession
from reverie.outcomes.label_task import LabelAnswer, LabelProgress, LabelTask
from reverie.outcomes.metric import REWARD_METRIC, Metric
from reverie.sessions.transcript import Turn
from reverie.storage.memory.policies import find_policy
from reverie.storage.postgres.database import Connection, Database
from reverie.storage.sessions.labels import LabelFrame, find_frame, open_frame, progress_of
from reverie.storage.sessions.scores import list_metrics

_TURNS_SHOWN = 4
"""From the beginning, and from the end, before somebody asks for more."""
_LINES_SHOWN = 6
_WORDS = {"y": 1.0, "yes": 1.0, "n": 0.0, "no": 0.0}
_KEYS = "y/n or a number; s skip, u undo, m more, q quit"

Result = TypeVar("Result")


@click.command()
@click.argument("store", required=False)
@click.option("--where", metavar="EXPR", help="Which sessions to ask for; by default those that STORE's policy reads.")
@click.option("--n", "count", type=click.IntRange(min=1), default=30, show_default=True, help="Sessions to ask for.")
@click.option("--metric", default=REWARD_METRIC, show_default=True, help="The metric that the answers are scores of.")
@click.option(
    "--claims",
    "proxies",
    metavar="METRIC[,…]",
    help="Ask nothing: say what the labels tell about behaviours, with the help of metrics that all sessions have.",
)
@json_option
def label(store: str | None, where: str | None, count: int, metric: str, proxies: str | None, as_json: bool) -> None:
    """Ask a person to score the sessions that would tell most.

    They are drawn by a design with known probabilities, so that a few answers speak for all sessions. Stop and go on
    whenever you like; every answer is stored at once.
    """

    if proxies is not None:
        _tell_claims(store, where, metric, tuple(name.strip() for name in proxies.split(",")), as_json)
        return

    async def work(database: Database) -> LabelProgress:
        async with database.connection() as connection:
            frame = await open_frame(connection, metric, await _where(connection, store, where), SystemClock().now())
            defined = {one.name: one for one in await list_metrics(connection)}
        return await _Desk(database, frame, defined.get(metric, Metric(metric)), as_json).ask(count)

    progress = run(work)
    if as_json:
        click.echo(msgspec.json.encode(progress))
        return
    if not progress.sessions:
        click.echo("No session to label: import some (`reverie import`), or choose others with --where.")
        return
    rest = f", {progress.skipped:,} skipped" if progress.skipped else ""
    click.echo(
        f"{progress.answered:,} of {numbered(progress.sessions, 'session')} labelled{rest}; "
        f"{progress.open:,} not asked for."
    )


async def _where(connection: Connection, store: str | None, where: str | None) -> str | None:
    if where is not None or store is None:
        return where
    return (await find_policy(connection, store)).where


def _tell_claims(store: str | None, where: str | None, metric: str, proxies: tuple[str, ...], as_json: bool) -> None:
    async def work(database: Database) -> LabelledClaims:
        async with database.connection() as connection:
            policy = await find_policy(connection, store) if store else DreamPolicy()
            frame = await find_frame(connection, metric, await _where(connection, store, where))
        return await read_claims(database, frame, proxies, policy)

    claims = run(work)
    if as_json:
        click.echo(msgspec.json.encode(claims))
        return
    auc = claims.calibration.auc
    told = "" if auc is None else f"; the proxy's AUC is {auc.value:.2f} ({auc.low:.2f} to {auc.high:.2f})"
    click.echo(f"{numbered(claims.labels, 'label')} of {numbered(claims.sessions, 'session')}{told}.")
    rows = [_claim_row(claim) for claim in claims.claims]
    if rows:
        click.echo(format_table(("confirmed", "effect", "95 %", "labels alone", "behaviour"), rows, "lr"))
    if claims.note or not rows:
        click.echo(claims.note or "The proxy suggests nothing to test.")


def _claim_row(claim: LabelledClaim) -> list[str]:
    effect = claim.effect
    if effect is None:
        return ["", "", "too few labels", "", claim.hypothesis.label]
    spans = [f"{low:+.2f} … {high:+.2f}" for low, high in ((effect.low, effect.high), effect.alone[1:])]
    return ["yes" if claim.confirmed else claim.verdict, f"{effect.effect:+.2f}", *spans, claim.hypothesis.label]


class _Desk:
    """One sitting: what is asked, and what is answered."""

    def __init__(self, database: Database, frame: LabelFrame, metric: Metric, quiet: bool) -> None:
        self._database, self._frame, self._metric = database, frame, metric
        self._err = quiet
        """With ``--json`` standard output is for the document alone."""

    async def ask(self, count: int) -> LabelProgress:
        """Ask for ``count`` sessions, or until somebody quits."""
        done = 0
        while done < count:
            task = await self._in_transaction(lambda connection: next_task(connection, self._frame))
            if task is None:
                break
            self._show(task, done + 1, count)
            step = await self._answer(task)
            if step is None:
                break
            done = max(done + step, 0)
        return await self._in_transaction(lambda connection: progress_of(connection, self._frame))

    async def _answer(self, task: LabelTask) -> int | None:
        """1 for an answer, -1 for one that was taken back, None to stop."""
        while True:
            said = self._prompt()
            if said in ("q", "quit"):
                return None
            if said in ("m", "more"):
                self._say(_whole(task.view))
            elif said in ("u", "undo"):
                if await self._undo():
                    return -1
            elif said in ("s", "skip"):
                await self._record(task, None)
                return 1
            elif (value := self._value(said)) is not None:
                await self._record(task, value)
                return 1

    def _prompt(self) -> str:
        try:
            given: str = click.prompt(f"score ({_KEYS})", default="", show_default=False, err=self._err)
        except click.Abort:
            return "q"
        return given.strip().lower()

    def _value(self, said: str) -> float | None:
        """The score that was meant; None, and why, where it is none."""
        metric = self._metric
        if said in _WORDS:
            better = _WORDS[said] if metric.direction == "maximize" else 1 - _WORDS[said]
            return metric.high if better else metric.low
        try:
            value = float(said)
        except ValueError:
            value = math.nan
        if not metric.low <= value <= metric.high:
            self._say(f"{said!r} is no score from {metric.low:g} to {metric.high:g}: {_KEYS}")
            return None
        return value

    async def _record(self, task: LabelTask, value: float | None) -> LabelAnswer:
        now = SystemClock().now()
        return await self._in_transaction(lambda c: record_answer(c, self._frame, task.session_id, value, now))

    async def _undo(self) -> bool:
        try:
            undone = await self._in_transaction(lambda connection: take_back_answer(connection, self._frame))
        except NotFoundError as error:
            self._say(str(error))
            return False
        self._say(f"taken back: {undone.session_id}")
        return True

    async def _in_transaction(self, act: Callable[[Connection], Awaitable[Result]]) -> Result:
        async with self._database.connection() as connection:
            return await act(connection)

    def _show(self, task: LabelTask, number: int, count: int) -> None:
        self._say(click.style(f"\n── {number} of {count} · {task.session_id}", bold=True))
        facts = [task.view.task_category or "", task.view.task_id or "", f"{task.view.facts.turns} requests"]
        self._say(" · ".join(one for one in facts if one))
        self._say(_short(task.view))

    def _say(self, text: str) -> None:
        click.echo(text, err=self._err)


def _short(view: GradedSession) -> str:
    """The beginning and the end of a session."""
    turns = view.turns
    if len(turns) <= 2 * _TURNS_SHOWN + 1:
        return "\n".join(_line(turn, _LINES_SHOWN) for turn in turns)
    left = len(turns) - 2 * _TURNS_SHOWN
    parts = [_line(turn, _LINES_SHOWN) for turn in turns[:_TURNS_SHOWN]]
    parts.append(click.style(f"   … {left} more (m shows all)", dim=True))
    return "\n".join([*parts, *(_line(turn, _LINES_SHOWN) for turn in turns[-_TURNS_SHOWN:])])


def _whole(view: GradedSession) -> str:
    return "\n".join(_line(turn, None) for turn in view.turns)


def _line(turn: Turn, most: int | None) -> str:
    """Who, and what was said, wrapped to the terminal and without what a terminal would obey."""
    width = max(shutil.get_terminal_size().columns - 10, 30)
    visible = "".join(c if c.isprintable() or c == "\n" else " " for c in turn.text)
    lines = [part for line in visible.splitlines() for part in textwrap.wrap(line, width) or [""]] or [""]
    cut = [] if most is None or len(lines) <= most else [f"… {numbered(len(lines) - most, 'more line')}"]
    shown = lines if most is None else lines[:most]
    who = click.style(f"{turn.who:>8}", fg="red" if turn.is_error else "cyan")
    return "\n".join(f"{who if i == 0 else ' ' * 8}  {text}" for i, text in enumerate([*shown, *cut]))
