"""Signatures of thinking: whoever sends a thought back must send it as it was."""

import base64
import hashlib
import hmac
from typing import Any

from reverie.testing.fake_models.problem import Problem

THOUGHTS = ("thinking", "redacted_thinking")


class Signer:
    """Signs thoughts with a key of its own; a signature is for one model, as the real one's."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, model: str, thinking: str, nonce: str) -> str:
        """The signature of a thought; equal thoughts differ by their ``nonce``."""
        return f"{_encode(nonce.encode())}.{self._mac(model, nonce, thinking)}"

    def seal(self, model: str, data: str) -> str:
        """The ``data`` of a redacted thought."""
        return f"{_encode(data.encode())}.{self._mac(model, 'redacted', data)}"

    def is_genuine(self, model: str, block: dict[str, Any]) -> bool:
        """Whether this server made the thought for this model, with this text."""
        sealed = str(block.get("signature") if block["type"] == "thinking" else block.get("data"))
        try:
            first = base64.urlsafe_b64decode(sealed.partition(".")[0]).decode()
        except ValueError:
            return False
        if block["type"] == "redacted_thinking":
            return hmac.compare_digest(sealed.encode(), self.seal(model, first).encode())
        return hmac.compare_digest(sealed.encode(), self.sign(model, block["thinking"], first).encode())

    def _mac(self, *parts: str) -> str:
        joined = "\0".join(parts).encode()
        return _encode(hmac.new(self._key, joined, hashlib.sha256).digest())


class IssuedReplies:
    """What was sent, as far as it must come back unchanged: thoughts, in their order among the calls."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._replies: dict[str, tuple[str, list[dict[str, Any]]]] = {}
        self.undeclared: set[str] = set()
        """Ids of calls of tools that were not declared."""

    def add(self, model: str, content: list[dict[str, Any]]) -> None:
        """Remember a reply that is being sent."""
        fixed = [_fixed(block) for block in content if block["type"] in (*THOUGHTS, "tool_use")]
        for block in fixed:
            self._replies[_name(block)] = model, fixed

    def check_genuine(self, model: str, place: str, block: dict[str, Any]) -> None:
        """Say nothing when a thought was made here, for this model, and its text is what it was.

        Raises:
            Problem: it was not.
        """
        if self._signer.is_genuine(model, block):
            return
        field = "signature" if block["type"] == "thinking" else "data"
        raise Problem(f"{place}: Invalid `{field}` in `{block['type']}` block")

    def check_unchanged(self, model: str, placed: list[tuple[str, dict[str, Any]]], thinking: str) -> None:
        """Say nothing when the thoughts of the latest assistant message are those that were sent, in their order.

        Args:
            placed: the message's blocks with their places (``messages.3.content.0``).
            thinking: the request's ``thinking.type``.

        Raises:
            Problem: one was left out, changed or moved.
        """
        fixed = [(place, _fixed(block)) for place, block in placed if block["type"] in (*THOUGHTS, "tool_use")]
        original = self._original(model, [block for _, block in fixed])
        has_thought = any(block["type"] in THOUGHTS for _, block in fixed)
        if not has_thought and thinking == "disabled":
            return
        calls = {_name(block) for _, block in fixed if block["type"] == "tool_use"}
        expected = [block for block in original if block["type"] in THOUGHTS or _name(block) in calls]
        known = {_name(block) for block in expected}
        sent = [(place, block) for place, block in fixed if _name(block) in known or block["type"] in THOUGHTS]
        for position, (place, block) in enumerate(sent):
            if known and (position >= len(expected) or block != expected[position]):
                raise _modified(place)
        if len(sent) < len(expected):
            raise _modified(placed[-1][0])

    def knows(self, call_id: str) -> bool:
        """Whether a call was made here."""
        return call_id in self._replies

    def has_thoughts(self, call_id: str) -> bool:
        """Whether the reply with that call had thoughts."""
        return any(block["type"] in THOUGHTS for block in self._replies[call_id][1])

    def _original(self, model: str, fixed: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The blocks of the replies that these are from; another model's thoughts need not come back."""
        found: list[dict[str, Any]] = []
        seen: set[int] = set()
        for block in fixed:
            maker, reply = self._replies.get(_name(block), ("", []))
            if id(reply) not in seen and maker == model:
                seen.add(id(reply))
                found.extend(reply)
        return found


def _modified(place: str) -> Problem:
    return Problem(
        f"{place}: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified. "
        "These blocks must remain as they were in the original response."
    )


def _fixed(block: dict[str, Any]) -> dict[str, Any]:
    """What of a block may not change: a thought as a whole, of a call its id."""
    if block["type"] == "tool_use":
        return {"type": "tool_use", "id": block["id"]}
    return {name: value for name, value in block.items() if name != "cache_control"}


def _name(block: dict[str, Any]) -> str:
    """What a block is recognised by."""
    return str(block.get("id") or block.get("signature") or block.get("data"))


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
