"""What the support desk's agents choose, how often, and what it does to the outcome: numbers only, no words."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from reverie.testing.worlds.world import Truth, TruthKind

Flags = NDArray[np.bool_]
Numbers = NDArray[np.float64]
Columns = Mapping[str, Flags]
"""One flag per session under each name."""

REWARD_BOUNDS = (0.01, 0.99)
"""Expected rewards are cut to these."""
CATEGORIES = ("refund", "exchange", "delivery", "account")
WRITES = {
    "refund": ("issue_refund",),
    "exchange": ("create_replacement",),
    "delivery": ("update_address", "cancel_order", "resend_parcel"),
    "account": ("update_account", "reset_password", "close_account"),
}
"""The tools that change something; each task needs one of its category's."""
STATUSES = ("delayed", "delivered", "processing")


class Chance(msgspec.Struct, frozen=True):
    """How often something is chosen, from the hardest sessions to the easiest (linear in between)."""

    hardest: float
    easiest: float


class Follower(msgspec.Struct, frozen=True):
    """How often something is chosen beside another choice, which must be drawn before it, and without that choice."""

    of: str
    beside: float
    otherwise: float


class Planted(msgspec.Struct, frozen=True):
    """A choice that changes the expected reward by ``size`` in the sessions of one moment."""

    choice: str
    moment: str
    size: float
    kind: TruthKind
    situation: str
    behaviour: str
    condition: str | None = None
    aliases: tuple[str, ...] = ()
    opposites: tuple[str, ...] = ()
    task_family: str | None = None


def always(share: float) -> Chance:
    """As often in hard sessions as in easy ones."""
    return Chance(share, share)


DESK_CHANCES: Mapping[str, Chance] = {
    "clarify": always(0.35),
    "verify": always(0.45),
    "policy": always(0.45),
    "late policy": always(0.2),
    "retry": always(0.5),
    "apology": always(0.6),
    "voucher": always(0.35),
    "stray note": always(0.15),
    "search": Chance(0.95, 0.05),
    "escalate": Chance(0.9, 0.05),
}
"""Only the decoys lean on how hard the task is; causes are drawn alike in every task."""

VARIANT_CHANCES: Mapping[str, Chance] = {
    **DESK_CHANCES,
    "verify": Chance(0.25, 0.65),
    "policy": Chance(0.15, 0.75),
    "voucher": Chance(0.1, 0.7),
    "search": Chance(0.1, 0.9),
    "escalate": Chance(0.8, 0.1),
}
"""Here ease is the variant's skill: good variants do more of what looks diligent."""

VERIFY = Planted(
    choice="verify",
    moment="always",
    size=0.20,
    kind="cause",
    situation="session",
    behaviour="call:verify_identity",
    aliases=("* | call:verify_identity", "* | *:verify_identity[.→]*", "* | then:*→verify_identity", "* | *add_note*"),
    opposites=tuple(f"* | then:lookup_order→{tool}" for tools in WRITES.values() for tool in tools),
)
DESK_PLANTED: tuple[Planted, ...] = (
    VERIFY,
    Planted(
        choice="policy",
        moment="refund",
        size=0.15,
        kind="cause",
        situation="before issue_refund",
        behaviour="call:check_policy",
        aliases=("* | call:check_policy", "* | args:check_policy.*", "* | then:check_policy→issue_refund"),
        opposites=("* | then:issue_refund→check_policy",),
    ),
    Planted(
        choice="retry",
        moment="timeout",
        size=0.18,
        kind="cause",
        situation="after error:timeout",
        behaviour="same call again",
        aliases=("after error:timeout | call:lookup_order", "after error | same call again"),
        opposites=("after error:timeout | *", "after error | *"),
    ),
    Planted(
        choice="clarify",
        moment="always",
        size=-0.12,
        kind="cause",
        situation="start",
        behaviour="ask",
        aliases=("session | ask", "before * | ask"),
        opposites=("start | call:*",),
    ),
    Planted(
        choice="voucher",
        moment="delayed",
        size=0.20,
        kind="flip",
        situation="seen lookup_order.status=delayed",
        behaviour="call:offer_voucher",
        condition="lookup_order.status=delayed",
    ),
    Planted(
        choice="voucher",
        moment="delivered",
        size=-0.18,
        kind="flip",
        situation="seen lookup_order.status=delivered",
        behaviour="call:offer_voucher",
        condition="lookup_order.status=delivered",
    ),
)
DESK_TROUBLE: Mapping[str, float] = {"timeout": -0.10, "not found": -0.15}
"""What befalls a session whatever the agent does, and what it costs."""

DECOYS = (
    Truth("call:search_kb", "session", None, 0.0, "decoy", ("* | *search_kb*",)),
    Truth("call:escalate_to_human", "session", None, 0.0, "decoy", ("* | *escalate_to_human*", "* | escalation")),
)
VARIANT_DECOYS = (
    *DECOYS,
    Truth("call:check_policy", "session", None, 0.0, "decoy", ("* | *check_policy*",)),
    Truth("call:offer_voucher", "session", None, 0.0, "decoy", ("* | *offer_voucher*",)),
)
MARKERS = (
    Truth("apology", "session", None, 0.0, "marker"),
    Truth("repeat:lookup_order", "session", None, 0.0, "marker"),
    Truth("retry:lookup_order", "session", None, 0.0, "marker"),
    Truth("call:list_orders", "session", None, 0.0, "marker", ("* | *list_orders*",)),
)
SHADOW = Truth("call:add_note", "session", None, 0.0, "shadow")


def draw_columns(
    rng: np.random.Generator, category: NDArray[np.int64], ease: Numbers, chances: Mapping[str, Chance | Follower]
) -> dict[str, Flags]:
    """Moments (what befalls each session) and choices (what its agent does), each drawn apart from the others.

    Args:
        rng: moved on by a number of draws that depends on the count of sessions alone.
        category: each session's index in :data:`CATEGORIES`.
        ease: each session's place between the hardest (0) and the easiest (1).
        chances: how often each choice is made, in the order they are drawn.
    """
    count = len(ease)
    trouble, status, aside = rng.random(count), rng.integers(0, len(STATUSES), count), rng.random(count)
    columns = {
        "always": np.ones(count, dtype=np.bool_),
        "first half": np.arange(count) < count // 2,
        "timeout": trouble < 0.25,
        "not found": (trouble >= 0.25) & (trouble < 0.35),
        "track": aside < 0.2,
        "profile": (aside >= 0.2) & (aside < 0.4),
        "confirm": (aside >= 0.4) & (aside < 0.6),
    }
    columns |= {name: category == number for number, name in enumerate(CATEGORIES)}
    columns |= {name: status == number for number, name in enumerate(STATUSES)}
    for name, chance in chances.items():
        columns[name] = rng.random(count) < _share(chance, columns, ease)
    return columns


def _share(chance: Chance | Follower, columns: Columns, ease: Numbers) -> Numbers:
    if isinstance(chance, Follower):
        return np.where(columns[chance.of], chance.beside, chance.otherwise)
    return chance.hardest + (chance.easiest - chance.hardest) * ease


def expected_reward(
    base: Numbers, columns: Columns, planted: Sequence[Planted], trouble: Mapping[str, float]
) -> Numbers:
    """Each session's expected reward, given what befell it and what its agent chose."""
    total = base.copy()
    for name, size in trouble.items():
        total += size * columns[name]
    for each in planted:
        total += each.size * (columns[each.moment] & columns[each.choice])
    return np.clip(total, *REWARD_BOUNDS)


def true_effects(
    base: Numbers, columns: Columns, planted: Sequence[Planted], trouble: Mapping[str, float]
) -> tuple[Truth, ...]:
    """The mean difference each planted choice makes in its moment: both arms evaluated, all else as drawn.

    A moment that no session of a small world meets has no truth to tell, so it is left out.
    """
    truths = []
    for each in (some for some in planted if columns[some.moment].any()):
        arms = [
            expected_reward(base, {**columns, each.choice: np.full(len(base), arm)}, planted, trouble)
            for arm in (True, False)
        ]
        effect = float((arms[0] - arms[1])[columns[each.moment]].mean())
        truths.append(_truth(each, effect))
    return tuple(truths)


def _truth(planted: Planted, effect: float) -> Truth:
    return Truth(
        behaviour=planted.behaviour,
        situation=planted.situation,
        condition=planted.condition,
        effect=effect,
        kind=planted.kind,
        aliases=planted.aliases,
        opposites=planted.opposites,
        task_family=planted.task_family,
    )
