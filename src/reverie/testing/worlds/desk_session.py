"""One support desk session put into words: from what was chosen to OpenAI chat messages."""

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import msgspec

from reverie.testing.worlds.desk_choices import WRITES
from reverie.testing.worlds.desk_phrases import (
    ACKNOWLEDGEMENTS,
    APOLOGIES,
    ARTICLES,
    CARRIERS,
    CLARIFICATIONS,
    CLARIFYING_QUESTIONS,
    CONFIRMATIONS,
    CONSENTS,
    DAYS,
    EMPATHY,
    FAREWELLS,
    FIRST_NAMES,
    HAND_OVERS,
    ITEMS,
    LAST_NAMES,
    METHODS,
    NOTES,
    OPENINGS,
    PATIENCE,
    PAYMENTS,
    PLACES,
    POLICIES,
    REASONS,
    SMALL_TALK,
    THANKS,
    TIERS,
)

Message = dict[str, Any]
Did = Mapping[str, bool]
FRONT_DESK, SPECIALIST = "front-desk", "specialist"
"""The agents of a desk that has two."""
_encode = msgspec.json.Encoder().encode


class DeskCase(msgspec.Struct, frozen=True):
    """What a customer calls about."""

    number: int
    """Position in the world; makes the order number one of a kind."""
    task: int
    category: str
    status: str
    """The order's status, as the shop's system tells it."""


class _Desk:
    """Writes one session's messages, one turn after another."""

    def __init__(self, rng: Random, case: DeskCase, speaker: str) -> None:
        reasons = REASONS[case.category]
        round_, tools = case.task // len(WRITES), WRITES[case.category]
        self.rng = rng
        self.case = case
        self.tool = tools[round_ % len(tools)]
        self.item = ITEMS[case.task * 7 % len(ITEMS)]
        self.order = f"W-{case.number:06d}{self.pick('ABCDEFGHJKLMNPQRSTUVWXYZ')}"
        self.slots = {
            "item": self.item,
            "order": self.order,
            "reason": reasons[round_ % len(reasons)],
            "first": self.pick(FIRST_NAMES),
            "last": self.pick(LAST_NAMES),
            "place": self.pick(PLACES),
            "day": self.pick(DAYS),
        }
        self.speaker = speaker
        self.messages: list[Message] = []
        self.pauses: list[int] = []
        """Where small talk may come in without parting what belongs together."""

    def pick(self, options: tuple[str, ...] | str) -> str:
        return options[int(self.rng.random() * len(options))]

    def text(self, templates: tuple[str, ...]) -> str:
        return self.pick(templates).format_map(self.slots)

    def hear(self, templates: tuple[str, ...]) -> None:
        self.messages.append({"role": "user", "content": self.text(templates)})

    def say(self, templates: tuple[str, ...]) -> None:
        self.messages.append(self.reply(self.text(templates)))

    def reply(self, content: str | None) -> Message:
        """The start of a message of the agent that is speaking; a desk with one agent does not name it."""
        named = {"name": self.speaker} if self.speaker else {}
        return {"role": "assistant", **named, "content": content}

    def call(self, tool: str, arguments: dict[str, Any], result: dict[str, Any] | str) -> None:
        call_id = f"call_{len(self.messages)}"
        function = {"name": tool, "arguments": _encode(arguments).decode()}
        calls = [{"id": call_id, "type": "function", "function": function}]
        content = result if isinstance(result, str) else _encode(result).decode()
        self.messages.append(self.reply(None) | {"tool_calls": calls})
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})


def desk_messages(rng: Random, case: DeskCase, did: Did, length: int) -> list[Message]:
    """The session's messages, each one event; small talk fills it up to ``length``, so that length tells nothing."""
    desk = _Desk(rng, case, FRONT_DESK if "hand over" in did else "")
    desk.hear(OPENINGS[case.category])
    if did["clarify"]:
        desk.say(CLARIFYING_QUESTIONS)
        desk.hear(CLARIFICATIONS)
    _look_up(desk, did)
    beats = [beat for name, beat in _BEATS.items() if did.get(name)]
    if did["stray note"] and not did["verify"]:
        beats.append(_note)
    rng.shuffle(beats)
    for beat in beats:
        desk.pauses.append(len(desk.messages))
        beat(desk)
    desk.pauses.append(len(desk.messages))
    _write(desk)
    if did["late policy"] and not did["policy"]:
        _policy(desk)
    if did["escalate"]:
        _escalate(desk)
    else:
        desk.pauses.append(len(desk.messages))
        desk.say(FAREWELLS)
    _fill(desk, length - len(desk.messages))
    return desk.messages


def _look_up(desk: _Desk, did: Did) -> None:
    found = {
        "order_id": desk.order,
        "status": desk.case.status,
        "item": {"name": desk.item, "price": round(9 + 190 * desk.rng.random(), 2)},
        "payment": desk.pick(PAYMENTS),
        "gift": desk.rng.random() < 0.3,
    }
    asked = {"order_id": desk.order}
    if did["timeout"]:
        desk.call("lookup_order", asked, "Error: timeout contacting order service")
    elif did["not found"]:
        desk.call("lookup_order", {"order_id": desk.order[:-1].replace("-", "")}, "Error: order not found")
    if (did["timeout"] or did["not found"]) and not did["retry"]:
        _put_off(desk, did)
    desk.call("lookup_order", asked, found)


def _put_off(desk: _Desk, did: Did) -> None:
    """After an error, something else than trying again at once."""
    if did["apology"]:
        desk.say(APOLOGIES)
        desk.hear(PATIENCE)
    else:
        name = f"{desk.slots['first']} {desk.slots['last']}"
        desk.call("list_orders", {"customer": name}, {"orders": [desk.order], "more": False})


def _verify(desk: _Desk) -> None:
    desk.call(
        "verify_identity",
        {"order_id": desk.order, "last_name": desk.slots["last"]},
        {"verified": True, "method": desk.pick(METHODS)},
    )
    _note(desk)


def _note(desk: _Desk) -> None:
    desk.call("add_note", {"order_id": desk.order, "note": desk.text(NOTES)}, {"saved": True})


def _policy(desk: _Desk) -> None:
    topic = f"{desk.case.category} policy"
    desk.call("check_policy", {"topic": topic}, {"topic": topic, "text": desk.text(POLICIES)})


def _voucher(desk: _Desk) -> None:
    desk.call("offer_voucher", {"order_id": desk.order, "percent": 5 + 5 * int(3 * desk.rng.random())}, {"sent": True})


def _search(desk: _Desk) -> None:
    titles = [desk.text(ARTICLES) for _ in range(2)]
    desk.call("search_kb", {"query": f"{desk.item} {desk.slots['reason']}"}, {"articles": titles})


def _track(desk: _Desk) -> None:
    seen = {"carrier": desk.pick(CARRIERS), "last_scan": desk.slots["place"]}
    desk.call("track_shipment", {"order_id": desk.order}, seen)


def _profile(desk: _Desk) -> None:
    customer = {"name": f"{desk.slots['first']} {desk.slots['last']}", "tier": desk.pick(TIERS)}
    desk.call("get_customer_profile", {"order_id": desk.order}, customer)


def _confirm(desk: _Desk) -> None:
    desk.say(CONFIRMATIONS)
    desk.hear(CONSENTS)


def _empathise(desk: _Desk) -> None:
    desk.say(EMPATHY)
    desk.hear(ACKNOWLEDGEMENTS)


def _hand_over(desk: _Desk) -> None:
    desk.speaker = SPECIALIST


_BEATS: dict[str, Callable[[_Desk], None]] = {
    "verify": _verify,
    "policy": _policy,
    "voucher": _voucher,
    "search": _search,
    "track": _track,
    "profile": _profile,
    "confirm": _confirm,
    "empathy": _empathise,
    "hand over": _hand_over,
}
"""What may happen, in any order, between finding the order and acting on it."""


def _write(desk: _Desk) -> None:
    reference = f"{desk.pick('CDEFGH')}{int(1e6 * desk.rng.random()):06d}"
    desk.call(desk.tool, {"order_id": desk.order, "reason": desk.slots["reason"]}, {"done": True, "ref": reference})


def _escalate(desk: _Desk) -> None:
    desk.call("escalate_to_human", {"summary": desk.text(HAND_OVERS)}, {"queue": desk.case.category})


def _fill(desk: _Desk, missing: int) -> None:
    """Small talk at the pauses, two messages at a time, until ``missing`` messages are made up for."""
    ends_with_agent = desk.messages[-1]["role"] == "assistant"
    story, desk.messages = desk.messages, []
    places = sorted((desk.pauses[int(desk.rng.random() * len(desk.pauses))] for _ in range(missing // 2)), reverse=True)
    for index, message in enumerate(story):
        while places and places[-1] == index:
            places.pop()
            desk.say(SMALL_TALK)
            desk.hear(ACKNOWLEDGEMENTS)
        desk.messages.append(message)
        desk.speaker = message.get("name", desk.speaker)
    if missing > 0 and missing % 2 and ends_with_agent:
        desk.hear(THANKS)
