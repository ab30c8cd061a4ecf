"""The learning policy of a store: one typed object with every setting, its unit and its default."""

from typing import Any

import msgspec

from reverie.assist.budget import ModelBudget
from reverie.assist.question import AssistantPolicy
from reverie.lessons.lesson import LessonKind
from reverie.memory.policy import MemoryPolicy
from reverie.mining.implicit_policy import ImplicitPolicy
from reverie.mining.label_policy import LabelPolicy
from reverie.mining.policy import MiningPolicy
from reverie.outcomes.metric import Metric
from reverie.trials.policy import LivePolicy

_FORMER_NAMES = {"colleague": "assistant"}
"""Settings that were called otherwise in earlier versions."""


class DreamPolicy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the dreams of a store learn, and what its memory keeps."""

    mining: MiningPolicy = MiningPolicy()
    memory: MemoryPolicy = MemoryPolicy()
    implicit: ImplicitPolicy = ImplicitPolicy()
    """What stands in for scores where no session of a dream has one."""
    labels: LabelPolicy = LabelPolicy()
    """How few scores are used, where most sessions have none."""
    live: LivePolicy = LivePolicy()
    """Whether and how what a dream would adopt is tried live before it is."""
    metrics: tuple[Metric, ...] = ()
    """Metrics and weights that make up this store's reward; empty: those that are defined for everyone."""
    where: str | None = None
    """Sessions that dreams of this store read unless they are told otherwise; None reads all."""
    lesson_kinds: tuple[LessonKind, ...] = (
        "best_practice",
        "failure_mitigation",
        "training_priority",
        "heuristic_adjustment",
    )
    """Kinds of lessons that may be proposed."""
    assistant: AssistantPolicy = AssistantPolicy()
    """How much a dream asks of a model, where there is one."""
    budget: ModelBudget = ModelBudget()
    """The most that one dream may spend on a model."""
    digest_batch: int = 4_000
    """Sessions digested per durable step."""
    overview_growth: float = 0.05
    """Share by which sessions must have grown before themes, flows, trends and the like are looked for again."""


def policy_settings(text: str | bytes) -> Any:
    """The settings in a policy's JSON, each under its present name.

    Raises:
        msgspec.DecodeError: it is not JSON, or gives a setting under both its names.
    """
    settings = msgspec.json.decode(text)
    if not isinstance(settings, dict):
        return settings
    for former, name in _FORMER_NAMES.items():
        if former in settings and name in settings:
            raise msgspec.ValidationError(f"'{former}' is the former name of '{name}': give '{name}' alone")
    return {_FORMER_NAMES.get(name, name): value for name, value in settings.items()}
