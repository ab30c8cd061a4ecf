"""The order of a session's lines (by links, then by time, then as they lie in the file) and its abandoned branches."""

import heapq
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from reverie.sessions.importers.claude_code.line import Line

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def is_linear(lines: Sequence[Line]) -> bool:
    """Whether each line names the one before it as its parent and is no older: then nothing is to be put in order."""
    before: Line | None = None
    for line in lines:
        if line.at is None or not line.uuid:
            return False
        if before is not None and (line.parent_uuid != before.uuid or line.at < (before.at or _LONG_AGO)):
            return False
        before = line
    return True


def ordered(lines: Sequence[Line], after: Sequence[int | None]) -> list[Line]:
    """The lines so that each comes after its parent and after the line at position ``after`` of it.

    Lines that nothing links go by their times; one without a time stays behind the line that it follows in the file.
    """
    positions = {line.uuid: position for position, line in enumerate(lines) if line.uuid}
    times = _times(lines)
    waiting_for = [0] * len(lines)
    followers: list[list[int]] = [[] for _ in lines]
    sorted_already = True
    for position, line in enumerate(lines):
        parent = positions.get(line.parent_uuid or line.logical_parent_uuid or "")
        for before in {parent, after[position]}:
            if before is not None and before != position:
                followers[before].append(position)
                waiting_for[position] += 1
                sorted_already = sorted_already and before < position
        sorted_already = sorted_already and (position == 0 or times[position - 1] <= times[position])
    if sorted_already:
        return list(lines)
    order = _topological(times, waiting_for, followers)
    left = sorted(set(range(len(lines))).difference(order))  # Links that go round in a circle say nothing.
    return [lines[position] for position in (*order, *left)]


def _topological(times: Sequence[datetime], waiting_for: list[int], followers: Sequence[Sequence[int]]) -> list[int]:
    ready = [(times[position], position) for position, count in enumerate(waiting_for) if not count]
    heapq.heapify(ready)
    order = []
    while ready:
        _, position = heapq.heappop(ready)
        order.append(position)
        for follower in followers[position]:
            waiting_for[follower] -= 1
            if not waiting_for[follower]:
                heapq.heappush(ready, (times[follower], follower))
    return order


def _times(lines: Sequence[Line]) -> list[datetime]:
    times = []
    last: dict[str, datetime] = {}
    for line in lines:
        at = last[line.part] = line.at or last.get(line.part, _LONG_AGO)
        times.append(at)
    return times


def abandoned(
    lines: Sequence[Line], is_prompt: Callable[[Line], bool], is_recorded: Callable[[Line], bool]
) -> dict[str, str]:
    """Uuids of the lines on branches that the user went back from → the branch's name.

    A rewind makes the next prompt a sibling of an earlier one. So the live branch is that of the last line, and one
    that leaves it with a prompt of its own is abandoned; one without is a call made beside another.
    ``lines`` are in order.
    """
    main = {line.uuid: line for line in lines if line.uuid and not line.aside}
    last = next((line for line in reversed(lines) if line.uuid in main and is_recorded(line)), None)
    live = set()
    while last is not None and last.uuid not in live:
        live.add(last.uuid)
        last = main.get(last.parent_uuid or last.logical_parent_uuid or "")
    branch: dict[str | None, str | None] = {}
    for line in lines:
        if line.uuid is None or line.uuid not in main or line.uuid in live:
            continue
        parent = line.parent_uuid or line.logical_parent_uuid
        if branch.get(parent):
            branch[line.uuid] = branch[parent]
        elif is_prompt(line) and (parent in live or parent in branch):
            branch[line.uuid] = f"rewound-{len({name for name in branch.values() if name}) + 1}"
        elif parent in live or parent in branch:
            branch[line.uuid] = None
    return {uuid: name for uuid, name in branch.items() if uuid and name}
