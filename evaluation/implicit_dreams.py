"""Whole dreams over sessions that nobody scored: reading a file first saves corrections, or nothing does.

    python -m evaluation.implicit_dreams [--seeds 20] [--json]

Every world is imported and dreamt over as a user's program does it, into a store of its own in a new database. In a
planted world
users correct the agent more often where it edits a file that it has not read; reading before the edit is one effect,
which shows at several moments (not reading is editing first). In a null world corrections come by the task alone.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

import reverie
from reverie.lessons.lesson import Lesson

HARM = 0.4
"""How much more often users of a planted world correct an edit of what was not read."""
_TASKS, _RUNS = 40, 16
_WORTH_OF_A_CORRECTION = 0.5
"""One correction halves that signal."""
_TRUE = "call:Read"


class ImplicitDream(msgspec.Struct, frozen=True):
    """What a dream over one world adopted."""

    world: str
    seed: int
    adopted: tuple[str, ...]
    """Behaviours of the adopted lessons."""
    effects: tuple[float, ...]
    covered: bool | None
    """Whether the interval of the first holds the truth; None where there is no effect, or no lesson."""
    shadows: tuple[str, ...]
    """What is told as a shadow of the first."""
    placebo: int


def session(generator: np.random.Generator, name: str, task: int, difficulty: float, harm: float) -> dict[str, Any]:
    """One session of a coder, with things done at random beside the one that matters."""
    looks, reads, lints = (generator.random(3) < (0.5, 0.5, 0.4)).tolist()
    messages: list[dict[str, Any]] = [{"role": "user", "content": f"Please fix the page number {task} of the app."}]
    tools = [("Glob", looks), ("Read", reads), ("Edit", True), ("Lint", lints)]
    for tool in [name for name, done in tools if done]:
        call = {"id": tool, "type": "function", "function": {"name": tool, "arguments": '{"path": "a.py"}'}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": tool, "content": "done"})
    messages.append({"role": "assistant", "content": "The page is mended now."})
    if generator.random() < difficulty + (0.0 if reads else harm):
        messages.append({"role": "user", "content": "No, that's wrong."})
        messages.append({"role": "assistant", "content": "It is mended now, really."})
    metadata = {"task_id": f"t{task}", "agent": name.partition(" ")[0], "model": "m"}
    return {"id": name, "messages": messages, "metadata": metadata}


def write_reactions(path: Path, name: str, seed: int, harm: float, tasks: int = _TASKS, runs: int = _RUNS) -> Path:
    """Write a world to a chat file; its sessions have the agent ``name``."""
    generator = np.random.default_rng(seed)
    difficulty = generator.uniform(0.1, 0.4, tasks).tolist()
    lines = [
        session(generator, f"{name} {task}-{run}", task, difficulty[task], harm)
        for task in range(tasks)
        for run in range(runs)
    ]
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


def dream_over(home: reverie.Reverie, folder: Path, name: str, seed: int, harm: float) -> ImplicitDream:
    """Import the world and dream over it."""
    world = f"{name}-{seed}"
    home.import_sessions([write_reactions(folder / f"{world}.jsonl", world, seed, harm)])
    result = home.dream(world, where=f"agent = '{world}'")
    lessons = [lesson for lesson in result.lessons if lesson.status == "adopted" and lesson.implicit]
    return ImplicitDream(
        world=name,
        seed=seed,
        adopted=tuple(lesson.behaviour for lesson in lessons),
        effects=tuple(lesson.effect.estimate for lesson in lessons),
        covered=_covers(lessons[0], harm * _WORTH_OF_A_CORRECTION) if harm and lessons else None,
        shadows=lessons[0].shadows if lessons else (),
        placebo=result.placebo.lessons,
    )


def _covers(lesson: Lesson, truth: float) -> bool:
    return lesson.effect.low <= truth <= lesson.effect.high


def dreams(seeds: int) -> Iterator[ImplicitDream]:
    """Null worlds, then planted ones."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with reverie.open(reverie.Settings(home=folder / "data")) as home:
            for name, harm in (("null", 0.0), ("planted", HARM)):
                for seed in range(1, seeds + 1):
                    yield dream_over(home, folder, name, seed, harm)


def table(rows: Sequence[ImplicitDream]) -> str:
    """A line for each kind of world, in Markdown."""
    lines = [
        "| worlds | dreams | with the true lesson | lessons beside it | mean effect | interval covers | placebo |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in dict.fromkeys(row.world for row in rows):
        own = [row for row in rows if row.world == name]
        true = sum(name == "planted" and any(each.endswith(_TRUE) for each in row.adopted) for row in own)
        false = sum(len(row.adopted) for row in own) - true
        effects = [row.effects[0] for row in own if row.effects]
        covered = [row.covered for row in own if row.covered is not None]
        mean = f"{np.mean(effects):+.2f}" if effects else "–"
        covers = f"{sum(covered)} of {len(covered)}" if covered else "–"
        placebo = sum(row.placebo for row in own)
        lines.append(f"| {name} | {len(own)} | {true} | {false} | {mean} | {covers} | {placebo} |")
    return "\n".join(lines)


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=20, show_default=True, help="Worlds of each kind.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def main(seeds: int, as_json: bool) -> None:
    """Print what dreams over unscored worlds adopt."""
    rows = list(dreams(seeds))
    click.echo(msgspec.json.encode(rows) if as_json else table(rows))


if __name__ == "__main__":
    main()
