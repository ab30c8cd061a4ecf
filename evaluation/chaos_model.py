"""The model of the chaos: what it says and calls follows from the conversation, and each call that acts has a key.

``python -m reverie.testing.fake_models --script evaluation.chaos_model:act``; the file that calls append their keys to
is named by ``REVERIE_CHAOS_EFFECTS``.
"""

import os
import re
import shlex
from collections.abc import Mapping
from random import Random
from typing import Any

from reverie.testing.fake_models import Reply, Request, ToolUse, fault, say

EFFECTS = "REVERIE_CHAOS_EFFECTS"
KEY = re.compile(r"echo (key-[0-9]+-[0-9]+) >>")
"""The key of a call in its command."""
SEED = re.compile(r"seed ([0-9]+)")
HELPER, AIDE = "helper", "aide"
ROLE: Mapping[str, Any] = {
    "name": "counter",
    "brief": "Count; seed $seed",
    "done": [{"contains": "Done"}, {"pattern": "[0-9]"}],
}
MOST_RUNNING: Mapping[str, int] = {AIDE: 1}
"""Threads of a team's agents that may run at once."""
MOST_REPLIES = 12
"""Replies of one conversation before the model only talks."""
_FAULTS = ("overloaded", "server_error", "cut", "rate_limit")
_failed: set[str] = set()
"""Places of conversations at which the model has failed once."""


def act(request: Request) -> Reply:
    """Talk, or call some of the tools that are there, side by side; now and then fail once."""
    told = str(request.messages)
    seed = SEED.search(told)
    spoken = sum(message["role"] == "assistant" for message in request.messages)
    place = f"{seed.group(1) if seed else ''}:{spoken}:{len(told)}"
    random = Random(place)
    if random.random() < 0.05 and place not in _failed:
        _failed.add(place)
        name = random.choice(_FAULTS)
        return fault(name, say("Never mind."), after=2 if name == "cut" else None, retry_after=0.2)  # type: ignore[arg-type]
    if not {"bash", "lookup"} & set(request.tools):  # who judges a cross-check has to choose
        return Reply((ToolUse("submit_result", {"result": random.choice("012")}),))
    if spoken >= MOST_REPLIES or random.random() < 0.35:
        return _last_word(request, random)
    calls = [_call(request, random, place) for place in range(random.choice((1, 1, 2, 3, 5, 11)))]
    return Reply((*say("On it.").blocks, *calls))


def _last_word(request: Request, random: Random) -> Reply:
    if "submit_result" in request.tools and random.random() < 0.5:
        return Reply((ToolUse("submit_result", {"result": random.choice(("Done.", "Done 7."))}),))
    return say(f"Done after {len(request.calls)} calls.")


def _call(request: Request, random: Random, place: int) -> ToolUse:
    names: list[str] = [name for name in ("bash", "bash", "glob", "lookup") if name in request.tools]
    if "create_agent" in request.tools:
        made = sum(call["name"] == "create_agent" for call in request.calls)
        names += ["wait_for_agents"] if made > 1 else ["create_agent", "create_agent"]
        if "cross_check" in request.tools:  # a team
            names += ["wait_for_agents", "cross_check"] if made > 6 else ["create_role", "create_role", "cross_check"]
    name = random.choice(names)
    match name:
        case "bash":
            # Not of the conversation alone: a reply that is given twice must be told apart.
            key = f"key-{request.number}-{place}"
            wait, rest = random.choice((0, 0.2, 1)), random.choice((0, 0.5, 1))
            command = f"sleep {wait}; echo {key} >> {shlex.quote(os.environ[EFFECTS])}; sleep {rest}; echo done"
            return ToolUse(name, {"command": command})
        case "glob":
            return ToolUse(name, {"pattern": "*"})
        case "create_agent":
            return ToolUse(name, {"agent": HELPER, "task": f"Help; seed {random.randrange(10**9)}"})
        case "create_role":
            given = {"role": ROLE["name"], "agent": AIDE, "fields": {"seed": random.randrange(10**9)}}
            return ToolUse("create_agent", given)
        case "cross_check":
            return ToolUse(name, {"question": f"How many? seed {random.randrange(10**9)}", "n": 2})
    return ToolUse(name, {})
