"""What a dream works with, and who hears how far it is."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import msgspec

from reverie.assist.budget import ModelBudget
from reverie.clock import Clock
from reverie.dreams.policy import DreamPolicy
from reverie.language_model import LanguageModel
from reverie.settings import Settings
from reverie.storage.postgres.database import Database

Progress = Callable[[str, int, int], None]
"""Called with the stage, what is done of it, and out of how much (0: unknown)."""
StageObserver = Callable[[str, str], AbstractContextManager[None]]
"""From a stage and the dream's id to a context that is entered when the stage begins and left when it ends."""


def unobserved(stage: str, dream_id: str) -> AbstractContextManager[None]:  # noqa: ARG001
    """The observer of a dream whose stages nobody measures."""
    return nullcontext()


@dataclass(frozen=True)
class Runtime:
    """What a dream works with."""

    database: Database
    settings: Settings
    policy: DreamPolicy
    clock: Clock
    progress: Progress
    model: LanguageModel | None = None
    """What may help; its price is taken from the policy's budget, else from the settings."""
    observe: StageObserver = unobserved

    @property
    def budget(self) -> ModelBudget:
        """The policy's, with the price that the settings give where it has none."""
        budget, settings = self.policy.budget, self.settings.model
        if budget.price is not None or settings is None:
            return budget
        return msgspec.structs.replace(budget, price=settings.price)


RuntimeFactory = Callable[[str, str], Awaitable[Runtime]]
"""From a workspace's schema and a dream's id to what the dream works with."""
