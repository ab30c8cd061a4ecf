"""Can an agent follow what was learnt? The gain it realises beside the effect that was promised.

    python -m evaluation.followability [--seeds N] [--baseline COMMIT]

In each trade (``reverie.testing.worlds.trades``) agents without advice are dreamt over. Then an agent that knows
nothing but the rendered text of one adopted lesson is run in the same trade, on the same tasks. It follows by one rule
for all lessons and trades, from words to what may be done now: the words in backticks and quotes. The promised gain is
the lesson's effect times the share of sessions that did otherwise, at its moment; the realised gain is what the agent
earns more than one without advice in sessions that came to the moment. ``--baseline`` has another commit word the
lessons of the same sessions.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import click
import msgspec
import numpy as np

from evaluation.in_memory import digest_sessions, dream, make_corpus, world_transcripts
from reverie.digests.error_class import error_class
from reverie.lessons.lesson import Lesson
from reverie.mining.policy import MiningPolicy
from reverie.runtime.briefing import lesson_text
from reverie.testing.worlds.trade import Episode, Option, Seen, Trade, bases, drawn, play, trade_world
from reverie.testing.worlds.trades import TRADES
from reverie.testing.worlds.world import write_world

PROJECT = Path(__file__).resolve().parent.parent
SESSIONS, TASKS, DRAWS = 3_000, 96, 40
_QUOTED = re.compile(r"`([^`]+)`|“([^”]+)”")
_WORD = re.compile(r"[a-z]+")
_READ = """
import sys, msgspec
from pathlib import Path
from evaluation.in_memory import digest_sessions, dream, make_corpus
from reverie.mining.policy import MiningPolicy
from reverie.sessions.importers import RawRecord, parse_record
lines = Path(sys.argv[1]).read_bytes().splitlines()
read = (parse_record(RawRecord("w", n, "chat", line, {}), {}) for n, line in enumerate(lines, 1))
dreamt = dream(make_corpus(digest_sessions(read)), MiningPolicy(placebo_runs=0))
adopted = [each for each in dreamt.lessons if each.status == "adopted"]
told = [(x.advice, x.effect.estimate, x.sessions_with, x.sessions_without) for x in adopted]
sys.stdout.buffer.write(msgspec.json.encode(told))
"""


class Told(msgspec.Struct, frozen=True, array_like=True):
    """A lesson as an agent gets it, and what it promises."""

    text: str
    effect: float
    sessions_with: int
    sessions_without: int

    @property
    def promised(self) -> float:
        """The gain of all sessions at the moment, where those that did otherwise follow."""
        others = self.sessions_without if self.effect > 0 else self.sessions_with
        return abs(self.effect) * others / max(self.sessions_with + self.sessions_without, 1)


class Followed(msgspec.Struct, frozen=True):
    """One lesson followed."""

    trade: str
    """Or whatever the lessons are grouped by."""
    told: Told
    realised: float
    """Gain in reward, in the sessions that came to the lesson's moment; 0 where the agent never knew it had come."""


def follow(text: str, seen: Seen, rng: Random) -> Option:
    """What an agent does that has read ``text`` and nothing else: the one rule for all lessons.

    It applies where the error that its condition quotes came last, as errors are known, or what it quotes was seen.
    It then takes the options, or leaves them, that its advice names in backticks: by the tool, and by the values that
    are named, too. What words leave open, it does not know either. "Another tool" is any of its tools but the last,
    "changed input" a change of any argument of the last call, one as likely as the other; a call that is advised
    without a moment is made at once, though nothing may come of it then. A value is set where the call is made anyway.
    """
    advised = _advised(*_parts(text), seen, rng)
    return drawn(seen, rng) if advised is None else advised


def _advised(when: str, act: str, seen: Seen, rng: Random) -> Option | None:
    """What the advice makes the agent do; None where it says nothing of what may be done now."""
    if not _applies(when, seen):
        return None
    left = bool(re.search(r"\bdo not\b", act))
    if not _QUOTED.search(act) and not left:
        return _guess(act, seen, rng)
    if setting := re.search(r"\bto `([^`]+)`.*? when calling `([^`]+)`", act):
        return _with_value(setting[1], setting[2], seen, rng)
    options = [option for option in seen.options if _names(act, option, seen)]
    if not when and not left and (_is_made(act, seen) or not options):
        named = [] if _is_made(act, seen) else [tool for tool in _quoted(act) if tool in seen.tools]
        return Option(named[0], 0.0) if named else None
    if options and left:
        options = [option for option in seen.options if option not in options] or list(seen.options)
    return drawn(msgspec.structs.replace(seen, options=tuple(options)), rng) if options else None


def _with_value(value: str, tool: str, seen: Seen, rng: Random) -> Option:
    """What would be done anyway; where that is a call of ``tool``, the one with this value."""
    option = drawn(seen, rng)
    if option.tool != tool:
        return option
    same = (each for each in seen.options if each.tool == tool and value in map(str, each.arguments.values()))
    return next(same, Option(tool, 0.0))


def _is_made(act: str, seen: Seen) -> bool:
    """Whether a call that the advice names was made before."""
    return bool({tool for text in seen.texts[1:] for tool in _quoted(text)} & set(_quoted(act)))


def _guess(act: str, seen: Seen, rng: Random) -> Option | None:
    """What is done on words that name nothing; what is no option now changes nothing."""
    last = _last_tool(seen)
    if "another tool" in act:
        tool = rng.choice([tool for tool in seen.tools if tool != last])
        options = tuple(option for option in seen.options if option.tool == tool)
    elif "same" in act:
        tool, options = last, tuple(option for option in seen.options if option.tool == last)
        if "changed input" in act and seen.last:
            field = rng.choice(sorted(seen.last))
            options = tuple(each for each in options if seen.last[field] != each.arguments.get(field, seen.last[field]))
    else:
        return None
    return drawn(msgspec.structs.replace(seen, options=options), rng) if options else Option(tool, 0.0)


def _parts(text: str) -> tuple[str, str]:
    """The condition and the advice of the first sentence; what others did, and what was done, is no advice."""
    advice = re.split(r" Others did this instead| Example:", text)[0]
    found = re.match(r"When (.*?(?:[`”]|\bfailed|\bnothing|\bupset)), (.*)", advice)
    return (found[1], found[2]) if found else ("", advice)


def _applies(when: str, seen: Seen) -> bool:
    quoted = _quoted(when)
    if "last tool call failed" in when:
        failed = "error" in seen.texts[-1].lower()
        return failed and all(each == error_class(seen.texts[-1]) for each in quoted)
    return all(any(_stands_in(each, text) for text in seen.texts) for each in quoted)


def _quoted(text: str) -> list[str]:
    return [one or other for one, other in _QUOTED.findall(text)]


def _stands_in(quoted: str, text: str) -> bool:
    """Whether all words of what is quoted stand in the text."""
    return set(_WORD.findall(quoted.lower())) <= set(_WORD.findall(text.lower()))


def _names(act: str, option: Option, seen: Seen) -> bool:
    """Whether the advice names the option; of the last call's tool where it says "same" and quotes what is no tool."""
    quoted = set(_quoted(act))
    if option.tool and option.tool in quoted:
        values = {str(value) for value in option.arguments.values()} & quoted
        asked = any(
            set(map(str, other.arguments.values())) & quoted for other in seen.options if other.tool == option.tool
        )
        return bool(values) or not asked
    return not quoted and "same" in act and option.tool == _last_tool(seen)


def _last_tool(seen: Seen) -> str:
    return next(iter(_quoted(seen.texts[-1])), "")


def realised_gain(trade: Trade, seed: int, told: Told) -> float:
    """Mean reward with the advice less without, on the same draws, in sessions in which it ever applied."""
    base, gains = bases(seed, TASKS), []
    for number in range(TASKS * DRAWS):
        task = number % TASKS
        plain = play(trade, task, base[task], Random(f"{seed}/{number}"))
        applied: list[bool] = []

        def decide(seen: Seen, rng: Random, applied: list[bool] = applied) -> Option:
            advised = _advised(*_parts(told.text), seen, rng)
            applied.append(advised is not None)
            return drawn(seen, rng) if advised is None else advised

        advised: Episode = play(trade, task, base[task], Random(f"{seed}/{number}"), decide)
        if any(applied):
            gains.append(advised.expected - plain.expected)
    return float(np.mean(gains)) if gains else 0.0


def lessons_of(trade: Trade, seed: int, baseline: Path | None) -> list[Told]:
    """The adopted lessons of a dream over the trade's sessions, by this tree or another one."""
    world = trade_world(trade, seed, SESSIONS, TASKS)
    if baseline is None:
        corpus = make_corpus(digest_sessions(world_transcripts(world)))
        lessons = dream(corpus, MiningPolicy(placebo_runs=0)).lessons
        return [as_told(lesson) for lesson in lessons if lesson.status == "adopted"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "world.jsonl"
        write_world(world, file)
        paths = {**os.environ, "PYTHONPATH": f"{baseline / 'src'}{os.pathsep}{baseline}"}
        command = [sys.executable, "-c", _READ, str(file)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=paths, cwd=baseline)
    return msgspec.json.decode(done.stdout, type=list[Told])


def as_told(lesson: Lesson) -> Told:
    text = lesson_text(lesson, lesson.advice, lesson.scope.agent, lesson.scope.task_family)
    return Told(text, lesson.effect.estimate, lesson.sessions_with, lesson.sessions_without)


def follow_all(seeds: Sequence[int], baseline: Path | None) -> list[Followed]:
    """Every adopted lesson of every trade and seed, followed alone."""
    return [
        Followed(trade.name, told, realised_gain(trade, seed, told))
        for trade in TRADES
        for seed in seeds
        for told in lessons_of(trade, seed, baseline)
    ]


def summary(name: str, followed: Sequence[Followed]) -> str:
    """A row of the table: by wording, lessons, promised and realised gain a lesson, and their ratio."""
    promised, realised = sum(each.told.promised for each in followed), sum(each.realised for each in followed)
    count = max(len(followed), 1)
    ratio = realised / promised if promised else 0.0
    return f"| {name} | {len(followed)} | {promised / count:.3f} | {realised / count:.3f} | {ratio:.2f} |"


@click.command()
@click.option("--seeds", default=2, help="How many worlds of each trade.")
@click.option("--baseline", help="A commit that words the lessons of the same sessions, for comparison.")
@click.option("--lessons", is_flag=True, help="Print each lesson, too.")
def main(seeds: int, baseline: str | None, lessons: bool) -> None:
    """Print the gain that lessons promise, and the gain of an agent that follows their words."""
    rows = {"this version": follow_all(range(1, seeds + 1), None)}
    if baseline is not None:
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "tree.tar"
            subprocess.run(["git", "archive", "-o", str(archive), baseline], check=True, cwd=PROJECT)
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            rows[baseline] = follow_all(range(1, seeds + 1), Path(folder))
    click.echo("| words of | lessons | promised | realised | realised / promised |\n| --- | --- | --- | --- | --- |")
    for name, followed in rows.items():
        click.echo(summary(name, followed))
    for name, followed in rows.items() if lessons else ():
        for each in followed:
            click.echo(f"{name}, {each.trade}: {each.told.promised:.2f} → {each.realised:.2f}: {each.told.text}")


if __name__ == "__main__":
    main()
