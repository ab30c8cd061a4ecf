"""Worlds as small teams have them: few sessions, cut-off runs, copies, a release, one busy user. Each beside its null.

``check`` is what may matter: in a world with an effect it adds that to the chance of success, in its null nothing does.
"""

import copy
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from reverie.testing.worlds.world import Line

STEPS = ("look", "check", "ask", "write", "close")
_BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
_EFFECT = 0.5


class SmallWorld(msgspec.Struct, frozen=True):
    """Sessions, and what is right to say of ``call:check`` in them."""

    lines: tuple[Line, ...]
    effect: float
    """Of ``check`` on the chance of success; 0 in a null."""
    right: str
    """The verdict that ``call:check`` should have; ``refused`` stands for anything but adopted."""
    left_out: int = 0
    """Sessions that say nothing of their own: cut off, or copies."""


def _line(ident: str, calls: list[str], reward: float, *, answers: bool = True, text: str = "", **tags: Any) -> Line:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "please help me"}]
    for number, name in enumerate(calls):
        call = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": "{}"}}
        messages.append({"role": "assistant", "content": None, "tool_calls": [call]})
        messages.append({"role": "tool", "tool_call_id": f"c{number}", "content": f"fine {text}".strip()})
    if answers:
        messages.append({"role": "assistant", "content": f"done {text}".strip()})
    metadata = {"agent": "small", **{name: value for name, value in tags.items() if value is not None}}
    return {"id": ident, "messages": messages, "reward": reward, "metadata": metadata}


def _calls(chance: random.Random) -> list[str]:
    return [step for step in STEPS if chance.random() < 0.6] or ["look"]


def _reward(chance: random.Random, calls: list[str], effect: float, base: float) -> float:
    return float(chance.random() < base + effect * (("check" in calls) - 0.5))


def _when(day: float) -> str:
    return (_BEGAN + timedelta(days=day)).isoformat()


def one_task(seed: int, effect: float) -> SmallWorld:
    """Eighty runs of one task."""
    chance, lines = random.Random(f"one {seed}"), []
    for run in range(80):
        calls = _calls(chance)
        lines.append(_line(f"s{run}", calls, _reward(chance, calls, effect, 0.5), task_id="only"))
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused")


def few_tasks(seed: int, effect: float) -> SmallWorld:
    """Thirty tasks of different difficulty, six runs each."""
    chance, lines = random.Random(f"few {seed}"), []
    for task in range(30):
        base = chance.uniform(0.3, 0.7)
        for run in range(6):
            calls = _calls(chance)
            reward = _reward(chance, calls, effect, base)
            lines.append(_line(f"s{task}-{run}", calls, reward, task_id=f"t{task}"))
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused")


def no_task(seed: int, effect: float) -> SmallWorld:
    """A hundred and twenty sessions without task ids: what is asked for decides how well they go, and ``check``."""
    chance, lines = random.Random(f"none {seed}"), []
    for run in range(120):
        hard = chance.random() < 0.5
        calls = [step for step in STEPS if chance.random() < (0.2 if hard and step == "check" else 0.6)] or ["look"]
        base = 0.5 if effect else (0.2 if hard else 0.8)
        lines.append(_line(f"s{run}", calls, _reward(chance, calls, effect, base)))
    return SmallWorld(tuple(lines), effect, "candidate" if effect else "refused")


def crashes(seed: int, effect: float) -> SmallWorld:
    """Three runs in ten are cut off by the machinery at a random place, and scored 0."""
    chance, lines, cut = random.Random(f"crash {seed}"), [], 0
    for task in range(25):
        for run in range(12):
            calls = [step for step in STEPS if chance.random() < 0.8] or ["look"]
            ident = f"s{task}-{run}"
            if chance.random() < 0.3:
                cut += 1
                some = calls[: chance.randrange(len(calls) + 1)]
                lines.append(_line(ident, some, 0.0, answers=False, task_id=f"t{task}"))
            else:
                lines.append(_line(ident, calls, _reward(chance, calls, effect, 0.5), task_id=f"t{task}"))
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused", cut)


def copies(seed: int, effect: float) -> SmallWorld:
    """Sixteen tasks run five times; a third of the sessions was exported again, two to four times."""
    chance, lines, extra = random.Random(f"copy {seed}"), [], 0
    for task in range(16):
        for run in range(5):
            calls, day = _calls(chance), chance.uniform(0, 27)
            reward = _reward(chance, calls, effect, 0.5)
            text = f"as noted under {chance.randrange(10**8):08d}"
            tags: dict[str, Any] = {"task_id": f"t{task}", "started_at": _when(day)}
            lines.append(_line(f"s{task}-{run}", calls, reward, text=text, **tags))
            again = chance.randrange(2, 5) if chance.random() < 0.34 else 0
            for number in range(again):
                other = copy.deepcopy(lines[-1 - number]) | {"id": f"e{chance.randrange(10**9)}"}
                if chance.random() < 0.3:
                    other["messages"].append({"role": "user", "content": "thanks"})
                lines.append(other)
                extra += 1
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused", extra)


def release(seed: int, effect: float) -> SmallWorld:
    """``check`` comes with a release that is not recorded, on the day everything got better by itself."""
    chance, lines = random.Random(f"release {seed}"), []
    for task in range(30):
        for run in range(12):
            day = chance.uniform(0, 40)
            after = day > 20
            calls = [s for s in STEPS if chance.random() < (0.7 * after if s == "check" else 0.6)] or ["look"]
            base = 0.5 if effect else (0.75 if after else 0.35)
            reward = _reward(chance, calls, effect, base)
            lines.append(_line(f"s{task}-{run}", calls, reward, task_id=f"t{task}", started_at=_when(day)))
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused")


def busy_user(seed: int, effect: float) -> SmallWorld:
    """One user brings two sessions in five; users differ in how they work and in how well it goes."""
    chance, lines = random.Random(f"busy {seed}"), []
    users = [(chance.gauss(0, 0.25), chance.uniform(0.15, 0.85)) for _ in range(25)]
    for run in range(400):
        user = 0 if chance.random() < 0.4 else chance.randrange(1, 25)
        luck, habit = users[user]
        calls = [s for s in STEPS if chance.random() < (habit if s == "check" else 0.6)] or ["look"]
        reward = float(chance.random() < min(max(0.5 + luck + effect * (("check" in calls) - 0.5), 0), 1))
        tags: dict[str, Any] = {
            "task_id": f"t{run % 20}",
            "user_id": f"u{user}",
            "started_at": _when(chance.uniform(0, 60)),
        }
        lines.append(_line(f"s{run}", calls, reward, **tags))
    return SmallWorld(tuple(lines), effect, "adopted" if effect else "refused")


_MAKERS: Mapping[str, Callable[[int, float], SmallWorld]] = {
    "one-task": one_task,
    "few-tasks": few_tasks,
    "no-task": no_task,
    "crashes": crashes,
    "copies": copies,
    "release": release,
    "busy-user": busy_user,
}
SMALL_WORLDS: tuple[str, ...] = tuple(f"{name}{null}" for name in _MAKERS for null in ("", "-null"))
"""Each world, and its null."""


def small_world(name: str, seed: int) -> SmallWorld:
    """The world of that name; ``…-null`` is the same without an effect.

    Raises:
        KeyError: no world of that name.
    """
    return _MAKERS[name.removesuffix("-null")](seed, 0.0 if name.endswith("-null") else _EFFECT)
