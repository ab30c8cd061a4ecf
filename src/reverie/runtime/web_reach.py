"""What tools of the web may reach: by the agent's definition, by the environment, and by where an address came from."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from reverie.runtime.conversation import ThreadEvent

_CUSTOM, _SERVER = "client_tool_results", "server_tool_results"


class Reach(msgspec.Struct, frozen=True):
    """The hosts that a call may reach."""

    allowed_domains: tuple[str, ...] | None = None
    """With their subdomains, perhaps with the beginning of a path; None is every one."""
    blocked_domains: tuple[str, ...] = ()
    network_hosts: tuple[str, ...] | None = None
    """Those of the environment's limited network, ``*.`` before one for its subdomains; None is every one."""

    def refusal(self, host: str, path: str = "/") -> str | None:
        """Why a host may not be reached; None where it may."""
        host = host.lower().rstrip(".")
        if any(_in_domain(host, path, domain) for domain in self.blocked_domains):
            return f"{host} is among the tool's blocked_domains"
        if self.allowed_domains is not None and not any(_in_domain(host, path, one) for one in self.allowed_domains):
            return f"{host} is not among the tool's allowed_domains: {', '.join(self.allowed_domains)}"
        if self.network_hosts is not None and not any(_is_host(host, one) for one in self.network_hosts):
            allowed = ", ".join(self.network_hosts) or "none"
            return f"{host} is not among the allowed_hosts of the environment's network: {allowed}"
        return None


def reach_of(config: Mapping[str, Any], networking: Mapping[str, Any] | None = None) -> Reach:
    """What a tool of this configuration may reach in an environment with this network."""
    allowed, network = config.get("allowed_domains"), networking or {}
    limited = network.get("type") == "limited"
    return Reach(
        allowed_domains=None if allowed is None else tuple(allowed),
        blocked_domains=tuple(config.get("blocked_domains") or ()),
        network_hosts=tuple(network.get("allowed_hosts") or ()) if limited else None,
    )


def _in_domain(host: str, path: str, domain: str) -> bool:
    name, _, begins = domain.lower().partition("/")
    place, begins = f"{path.rstrip('/').lower()}/", begins.rstrip("/")
    return (host == name or host.endswith(f".{name}")) and (not begins or place.startswith(f"/{begins}/"))


def _is_host(host: str, allowed: str) -> bool:
    allowed = allowed.lower().rstrip(".")
    return host.endswith(allowed[1:]) if allowed.startswith("*.") else host == allowed


def is_known(address: str, sources: Mapping[str, Any] | None, events: Sequence[ThreadEvent]) -> bool:
    """Whether an address stands in what ``url_sources`` of the tool let it come from; without them any may be read."""
    if sources is None:
        return True
    names = {event.id: event.payload.get("name") for event in events if event.type.endswith("tool_use")}
    # Not as a part of another address; a full stop may end the sentence that it stands in.
    whole = re.compile(rf"(?<!\w){re.escape(address)}(?![\w/%?&=#~+-])(?!\.\w)")
    return any(
        whole.search(text)
        for event in events
        if _counts(event, names, sources)
        for text in _texts(event.payload.get("content"))
    )


def _counts(event: ThreadEvent, names: Mapping[str, Any], sources: Mapping[str, Any]) -> bool:
    match event.type:
        case "user.message":
            return _lets(sources.get("user_input"), "")
        case "user.custom_tool_result":
            return _lets(sources.get(_CUSTOM), names.get(event.payload.get("custom_tool_use_id", "")))
        case "agent.tool_result":
            name = names.get(event.payload.get("tool_use_id", ""))
            return name in ("web_search", "web_fetch") and _lets(sources.get(_SERVER), name)
        case _:
            return False


def _lets(source: Mapping[str, Any] | None, name: Any) -> bool:
    """Whether a source of addresses counts; one that is not set does."""
    if source is None or source["type"] == "all":
        return True
    if source["type"] == "none":
        return False
    named = any(reference["name"] == name for reference in source["tools"])
    return named if source["type"] == "only" else not named


def _texts(value: Any) -> Iterator[str]:
    """Every text in a JSON value."""
    if isinstance(value, str):
        yield value
    parts: Iterable[Any] = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for part in parts:
        yield from _texts(part)
