"""What distinguishes one support desk world from another: chances, planted effects, difficulty."""

from collections.abc import Mapping

import msgspec
from msgspec.structs import replace

from reverie.testing.worlds.desk_choices import (
    DECOYS,
    DESK_CHANCES,
    DESK_PLANTED,
    DESK_TROUBLE,
    MARKERS,
    SHADOW,
    VARIANT_CHANCES,
    VARIANT_DECOYS,
    VERIFY,
    WRITES,
    Chance,
    Follower,
    Planted,
    always,
)
from reverie.testing.worlds.world import Truth, TruthKind


class Setup(msgspec.Struct, frozen=True):
    """One desk world before its sessions are drawn."""

    name: str
    chances: Mapping[str, Chance | Follower]
    planted: tuple[Planted, ...]
    bystanders: tuple[Truth, ...]
    """Truths of no effect."""
    trouble: Mapping[str, float] = {}
    base: tuple[float, float] = (0.20, 0.65)
    """Expected reward, before effects, of the hardest and the easiest task; few leave [0, 1] by the effects."""
    skill: float = 0.0
    """Reward that the best agent variant adds and the worst takes away."""
    graded: bool = False
    missing: float = 0.0
    """Share of sessions without a reward."""


def _tool(
    choice: str, tool: str, size: float, moment: str = "always", kind: TruthKind = "cause", family: str | None = None
) -> Planted:
    """Calling ``tool`` anywhere in the sessions of ``moment`` changes the reward by ``size``.

    What is true of one task family may also be said of the moments before that family's own tools.
    """
    ending = f" ({family})" if family else ""
    before = tuple(f"before {write} | call:{tool}*" for write in WRITES[family]) if family else ()
    return Planted(
        choice=choice,
        moment=moment,
        size=size,
        kind=kind,
        situation="session",
        behaviour=f"call:{tool}",
        aliases=(f"* | call:{tool}{ending}", f"* | *:{tool}[.→]*{ending}", f"* | then:*→{tool}{ending}", *before),
        task_family=family,
    )


def _idle(tool: str, kind: TruthKind) -> Truth:
    """A tool whose calls change nothing."""
    return Truth(f"call:{tool}", "session", None, 0.0, kind, (f"* | *{tool}*",))


_EVEN: Mapping[str, Chance] = {
    **DESK_CHANCES,
    "search": always(0.5),
    "escalate": always(0.3),
    "track": always(0.3),
    "profile": always(0.35),
}
"""Nothing leans on how hard the task is."""
_DECOYS = (*DECOYS, *MARKERS)
_CLARIFY = DESK_PLANTED[3]
_VOUCHER = _tool("voucher", "offer_voucher", 0.16)

SUPPORT_DESK = Setup(
    name="support-desk",
    chances=DESK_CHANCES,
    planted=DESK_PLANTED,
    trouble=DESK_TROUBLE,
    bystanders=(*_DECOYS, SHADOW),
)
NULL = replace(SUPPORT_DESK, name="null", planted=(), trouble={})
GRADED = replace(SUPPORT_DESK, name="graded", graded=True)
MISSING = replace(SUPPORT_DESK, name="missing")
VARIANTS = Setup(
    name="variants",
    chances=VARIANT_CHANCES,
    planted=(VERIFY,),
    bystanders=(*VARIANT_DECOYS, *MARKERS, SHADOW),
    base=(0.30, 0.55),
    skill=0.17,
)
NULL_VARIANTS = replace(VARIANTS, name="null-variants", planted=())
PLAIN = Setup(
    name="plain",
    chances=_EVEN,
    planted=(
        VERIFY,
        _VOUCHER,
        _tool("search", "search_kb", -0.20),
        replace(_CLARIFY, size=-0.16),
    ),
    bystanders=(_idle("escalate_to_human", "decoy"), *MARKERS, SHADOW),
    base=(0.38, 0.62),
)
SIZES = Setup(
    name="sizes",
    chances=_EVEN,
    planted=(
        replace(VERIFY, size=0.30),
        _tool("search", "search_kb", -0.20),
        replace(_VOUCHER, size=0.15),
        _tool("profile", "get_customer_profile", -0.10),
        _tool("track", "track_shipment", 0.05),
    ),
    bystanders=(_idle("escalate_to_human", "decoy"), *MARKERS, SHADOW),
    base=(0.32, 0.48),
)
CONFOUNDED = Setup(
    name="confounded",
    chances={
        **DESK_CHANCES,
        "verify": Chance(0.9, 0.1),
        "search": Chance(0.1, 0.9),
        "track": Chance(0.9, 0.1),
        "profile": Chance(0.1, 0.9),
    },
    planted=(VERIFY, _tool("search", "search_kb", -0.18)),
    bystanders=(
        _idle("escalate_to_human", "decoy"),
        _idle("track_shipment", "decoy"),
        _idle("get_customer_profile", "decoy"),
        *MARKERS,
        SHADOW,
    ),
    base=(0.20, 0.78),
)
FLIPS = Setup(
    name="flips",
    chances=_EVEN,
    planted=(
        _tool("search", "search_kb", 0.22, moment="refund", kind="flip", family="refund"),
        _tool("search", "search_kb", -0.22, moment="account", kind="flip", family="account"),
        replace(DESK_PLANTED[4], size=0.22),
        replace(DESK_PLANTED[5], size=-0.22),
    ),
    bystanders=(_idle("escalate_to_human", "decoy"), *MARKERS, SHADOW),
    base=(0.45, 0.55),
)
SHADOWS = Setup(
    name="shadows",
    chances={
        **_EVEN,
        "track": Follower("verify", beside=0.8, otherwise=0.1),
        "profile": Follower("verify", beside=0.6, otherwise=0.2),
        "search": Follower("voucher", beside=0.8, otherwise=0.15),
    },
    planted=(VERIFY, replace(_VOUCHER, size=-0.18)),
    bystanders=(
        _idle("track_shipment", "shadow"),
        _idle("get_customer_profile", "shadow"),
        _idle("search_kb", "shadow"),
        SHADOW,
        *MARKERS,
    ),
)
DRIFT = Setup(
    name="drift",
    chances=_EVEN,
    planted=(VERIFY, _tool("voucher", "offer_voucher", 0.30, moment="first half", kind="drift")),
    bystanders=(_idle("escalate_to_human", "decoy"), *MARKERS, SHADOW),
    base=(0.20, 0.50),
)
RARE = Setup(
    name="rare-and-weak",
    chances={**_EVEN, "search": always(0.04), "profile": always(0.6)},
    planted=(_tool("search", "search_kb", 0.35), _tool("profile", "get_customer_profile", 0.06)),
    bystanders=(_idle("escalate_to_human", "decoy"), *MARKERS, SHADOW),
    base=(0.20, 0.55),
)
WORDING = Setup(
    name="wording",
    chances={**DESK_CHANCES, "empathy": always(0.4)},
    planted=(
        Planted(
            choice="empathy",
            moment="always",
            size=0.18,
            kind="cause",
            situation="session",
            behaviour="say:empathy",
            aliases=("* | say:empathy*", "* | wording:*frustrating*", "* | wording:*understand*"),
        ),
    ),
    bystanders=(*_DECOYS, SHADOW),
)
HAND_OFF = Setup(
    name="hand-off",
    chances={**DESK_CHANCES, "hand over": always(0.4)},
    planted=(
        Planted(
            choice="hand over",
            moment="always",
            size=0.18,
            kind="cause",
            situation="session",
            behaviour="hand-off:specialist",
            aliases=("* | hand-off:*",),
            opposites=tuple(f"* | then:*→{tool}" for tools in WRITES.values() for tool in tools),
        ),
    ),
    bystanders=(*_DECOYS, SHADOW),
)
