"""What the requests of a session begin with: the agent's own words, what is mounted, and the guidance it was given.

There is no clock in it and its order is fixed, so that a provider's cache holds for as long as the session goes on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

Resource = Mapping[str, Any]


def system_parts(
    agent: Mapping[str, Any], resources: Sequence[Resource], *, briefing: str = "", colleagues: str = ""
) -> tuple[str, ...]:
    """The parts of the system prompt, in order; the briefing comes last.

    Args:
        briefing: guidance from memory, delimited; ``''`` for none.
        colleagues: which agents may be called in, and how; ``''`` for none.
    """
    parts = (agent.get("system") or "", _mounts(resources), _skills(agent.get("skills") or ()), colleagues, briefing)
    return tuple(part.strip() for part in parts if part.strip())


def _mounts(resources: Sequence[Resource]) -> str:
    stores = [resource for resource in resources if resource["type"] == "memory_store"]
    others = [resource for resource in resources if resource["type"] != "memory_store" and resource.get("mount_path")]
    parts = []
    if stores:
        parts.append(
            "Memory that lasts beyond this session is kept as files in these folders. Look there for what may help "
            "before you begin, and keep there what will help later, where you may write."
        )
        parts.extend(_store(resource) for resource in stores)
    if others:
        parts.append("These are mounted for this session, and may be read:")
        parts.extend(f"- {resource['mount_path']}" for resource in others)
    return "\n".join(parts)


def _store(resource: Resource) -> str:
    access = "read only" if resource.get("access") == "read_only" else "read and write"
    lines = [f"- {resource.get('mount_path')} ({access}): {resource.get('name')}"]
    lines += [f"  {text}" for text in (resource.get("description"), resource.get("instructions")) if text]
    return "\n".join(lines)


def _skills(skills: Sequence[Mapping[str, Any]]) -> str:
    if not skills:
        return ""
    return (
        "Skills are folders with instructions for kinds of work, below skills/ in the working directory. "
        "When one fits the task, read its SKILL.md first and keep to it."
    )
