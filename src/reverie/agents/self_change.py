"""A change that an agent, or somebody for it, asks for: let through within its bounds, refused by name otherwise.

Whole definitions are compared, so that what is not in the closed list of parameters cannot be changed, however it is
asked for: tools that are added, servers, skills, names, metadata, agents that are called on. What a definition does not
hold (credentials, networks, graders' code, metrics, rules, bounds) cannot be reached from here at all.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.agents.bounds import Approval, Bound, Bounds, Parameter, RangeBound, RoutingBound
from reverie.agents.guidance_block import advice_line, take_apart
from reverie.agents.narrowing import is_same, is_same_but_for_levels, is_step, moved_tools, tool_name
from reverie.errors import BoundsError, InputError
from reverie.memory.briefing_size import ITEMS_KEY, TOKENS_KEY, read_size
from reverie.teams.draw_log import ROUTING_KEYS, read_wish

CHANGEABLE = ("system", "model", "tools", "metadata")
"""Fields of a definition that hold a parameter of the closed list."""
_MODEL = ("id", "effort")
_SIZES: dict[str, Parameter] = {TOKENS_KEY: "briefing_tokens", ITEMS_KEY: "briefing_items"}

Definition = Mapping[str, Any]


class Step(msgspec.Struct, frozen=True):
    """One parameter, changed."""

    parameter: Parameter
    before: str
    after: str


class Change(msgspec.Struct, frozen=True):
    """A change within bounds."""

    steps: tuple[Step, ...]
    """One of each parameter at most."""
    approval: Approval
    """The strictest of the parameters'."""

    @property
    def title(self) -> str:
        """What changes, in words."""
        return "; ".join(_told(step) for step in self.steps)


def check_change(before: Definition, bounds: Bounds, after: Definition, adopted: Collection[str] = ()) -> Change:
    """The change between two definitions, where the bounds let it through.

    Args:
        adopted: the advice of adopted lessons that may stand in the block.

    Raises:
        BoundsError: something is not to be changed, or not so; it names the parameter and the rule.
    """
    for field in sorted({*before, *after} - set(CHANGEABLE)):
        if not is_same(before.get(field), after.get(field)) or (field in before) != (field in after):
            raise _never(field)
    found = [
        *_system_steps(before, bounds, after, adopted),
        *_model_steps(before["model"], bounds, after["model"]),
        *_tool_steps(before["tools"], bounds, after["tools"]),
        *_size_steps(before["metadata"], bounds, after["metadata"]),
        *_routing_steps(before["metadata"], bounds, after["metadata"]),
    ]
    if not found:
        raise InputError("patch: nothing would change")
    approval: Approval = "ask" if any(_bound(bounds, step).approval == "ask" for step in found) else "auto"
    return Change(tuple(found), approval)


def require_changeable(patch: Definition) -> None:
    """Accept a patch that touches nothing beside what can hold a parameter.

    Raises:
        BoundsError: it does.
    """
    for field in patch:
        if field not in CHANGEABLE:
            raise _never(field)


def taken_back(present: Definition, before: Definition, after: Definition) -> dict[str, Any]:
    """``present`` without the change from ``before`` to ``after``; what else was changed since stays.

    Raises:
        InputError: what the change touched was changed again.
    """
    changed = {field for field in CHANGEABLE if before[field] != after[field]} - {"metadata"}
    for field in sorted(changed):
        if present[field] != after[field]:
            raise InputError(f"{field}: was changed again since; set it by hand")
    metadata = dict(present["metadata"])
    for key in sorted({*before["metadata"], *after["metadata"]}):
        if before["metadata"].get(key) == after["metadata"].get(key):
            continue
        if metadata.pop(key, None) != after["metadata"].get(key):
            raise InputError(f"metadata.{key}: was changed again since; set it by hand")
        if key in before["metadata"]:
            metadata[key] = before["metadata"][key]
    return {**present, **{field: before[field] for field in changed}, "metadata": metadata}


def _system_steps(before: Definition, bounds: Bounds, after: Definition, adopted: Collection[str]) -> Iterator[Step]:
    if before["system"] == after["system"]:
        return
    try:
        was, becomes = take_apart(before["system"]), take_apart(after["system"])
    except InputError as error:
        raise BoundsError("guidance", str(error)) from error
    if was.outside != becomes.outside:
        raise BoundsError("system", "nothing outside of its <reverie-block> may change")
    if was.lines and sorted(was.lines) == sorted(becomes.lines):
        step = Step("order", "\n".join(was.lines), "\n".join(becomes.lines))
        _bound(bounds, step)
    else:
        step = Step("guidance", "\n".join(was.lines), "\n".join(becomes.lines))
        _bound(bounds, step)
        _check_lines(bounds, becomes.lines, becomes.characters, adopted)
    yield step


def _check_lines(bounds: Bounds, lines: Sequence[str], characters: int, adopted: Collection[str]) -> None:
    assert bounds.guidance is not None
    if characters > bounds.guidance.most_characters:
        told = f"{characters:,} characters; at most {bounds.guidance.most_characters:,} are within bounds"
        raise BoundsError("guidance", told)
    known = {advice_line(text) for text in adopted}
    for number, line in enumerate(lines, 1):
        if line not in known:
            raise BoundsError("guidance", f"line {number} is not the advice of an adopted lesson: {line[:80]!r}")
    if len(set(lines)) < len(lines):
        raise BoundsError("guidance", "a line is there twice")


def _model_steps(before: Definition, bounds: Bounds, after: Definition) -> Iterator[Step]:
    for field in sorted({*before, *after} - set(_MODEL)):
        if not is_same(before.get(field), after.get(field)):
            raise _never(f"model.{field}")
    if before["id"] != after["id"]:
        step = Step("model", before["id"], after["id"])
        _bound(bounds, step)
        _check_price(bounds, step)
        yield step
    if before["effort"] != after["effort"]:
        step = Step("effort", before["effort"]["type"], after["effort"]["type"])
        _bound(bounds, step)
        assert bounds.effort is not None
        values = list(bounds.effort.values)
        if before["effort"] != {"type": step.before} or after["effort"] != {"type": step.after}:
            raise _never("model.effort")
        if step.before not in values or step.after not in values:
            raise BoundsError("effort", f"{step.before} to {step.after}; both have to be among {', '.join(values)}")
        if abs(values.index(step.before) - values.index(step.after)) != 1:
            raise BoundsError("effort", f"{step.before} to {step.after} is more than one step of {', '.join(values)}")
        yield step


def _check_price(bounds: Bounds, step: Step) -> None:
    assert bounds.model is not None
    prices = bounds.model.prices
    if step.after not in prices:
        raise BoundsError("model", f"{step.after!r} is not among {', '.join(prices)}")
    most = prices.get(step.before) if bounds.model.most_price is None else bounds.model.most_price
    if most is None:
        raise BoundsError("model", f"the present model {step.before!r} has no price; list it, or give most_price")
    if prices[step.after] > most:
        raise BoundsError("model", f"{step.after!r} costs {prices[step.after]:g}; at most {most:g} is within bounds")


def _tool_steps(before: Sequence[Definition], bounds: Bounds, after: Sequence[Definition]) -> Iterator[Step]:
    if not is_same_but_for_levels(before, after):
        raise BoundsError(
            "tools", "tools may be narrowed and nothing else; none is added, replaced, moved or given more"
        )
    moved = moved_tools(before, after)
    for key, (was, becomes) in moved.items():
        if not is_step(was, becomes):
            told = f"{was} to {becomes}; permission goes from allow to ask and from ask to denied, never back"
            raise BoundsError(f"tools.{tool_name(key)}", told)
    steps = [Step("tools", f"{tool_name(key)}: {was}", f"{tool_name(key)}: {to}") for key, (was, to) in moved.items()]
    if len(steps) > 1:
        raise BoundsError("tools", f"{len(steps)} tools would be narrowed; one at a time is within bounds")
    for key, step in zip(moved, steps, strict=True):
        _bound(bounds, step)
        assert bounds.tools is not None
        if tool_name(key) not in bounds.tools.names:
            raise BoundsError(f"tools.{tool_name(key)}", f"it is not among {', '.join(bounds.tools.names)}")
    yield from steps


def _size_steps(before: Mapping[str, str], bounds: Bounds, after: Mapping[str, str]) -> Iterator[Step]:
    for key in sorted({*before, *after}):
        if before.get(key) != after.get(key) and key not in (*_SIZES, *ROUTING_KEYS):
            raise _never(f"metadata.{key}")
    was, becomes = read_size(before), read_size(after)
    for key, parameter in _SIZES.items():
        if before.get(key) == after.get(key):
            continue
        field = "tokens" if key == TOKENS_KEY else "items"
        step = Step(parameter, str(getattr(was, field)), str(getattr(becomes, field)))
        bound = _bound(bounds, step)
        assert isinstance(bound, RangeBound)
        _check_range(bound, step)
        yield step


def _routing_steps(before: Mapping[str, str], bounds: Bounds, after: Mapping[str, str]) -> Iterator[Step]:
    if not changes_routing(before, after):
        return
    was, becomes = (_told_routing(metadata) for metadata in (before, after))
    step = Step("routing", was, becomes)
    bound = _bound(bounds, step)
    assert isinstance(bound, RoutingBound)
    wish = read_wish(after)
    if wish.is_on and wish.floor < bound.least_floor:
        raise BoundsError("routing", f"a floor of {wish.floor:g}; at least {bound.least_floor:g} is within bounds")
    yield step


def changes_routing(before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether metadata differs in what it says of routing."""
    return any(before.get(key) != after.get(key) for key in ROUTING_KEYS)


def _told_routing(metadata: Mapping[str, str]) -> str:
    said = [f"{key.removeprefix('reverie_routing_')} {metadata[key]}" for key in ROUTING_KEYS[1:] if key in metadata]
    return ", ".join([metadata.get(ROUTING_KEYS[0], "off"), *said])


def _check_range(bound: RangeBound, step: Step) -> None:
    was, becomes = int(step.before), int(step.after)
    if not bound.least <= becomes <= bound.most:
        raise BoundsError(step.parameter, f"{becomes:,}; {bound.least:,} to {bound.most:,} is within bounds")
    if abs(becomes - was) > bound.step:
        raise BoundsError(step.parameter, f"{was:,} to {becomes:,}; a step is {bound.step:,} at most")


def _bound(bounds: Bounds, step: Step) -> Bound:
    bound: Bound | None = getattr(bounds, step.parameter)
    if bound is None:
        raise BoundsError(step.parameter, "the agent's bounds do not name it, so it may not change by itself")
    if bound.approval == "never":
        raise BoundsError(step.parameter, "its approval is never")
    return bound


def _never(parameter: str) -> BoundsError:
    return BoundsError(parameter, "it is none of the parameters that bounds can allow to change")


def _told(step: Step) -> str:
    tellers: dict[Parameter, Callable[[Step], str]] = {
        "guidance": lambda step: f"guidance of {len(step.after.splitlines())} lessons in the system prompt",
        "order": lambda step: "guidance in another order",  # noqa: ARG005
        "tools": lambda step: f"tool {step.before} → {step.after.rpartition(': ')[2]}",
    }
    plain: Callable[[Step], str] = lambda step: f"{step.parameter}: {step.before} → {step.after}"  # noqa: E731
    return tellers.get(step.parameter, plain)(step)
