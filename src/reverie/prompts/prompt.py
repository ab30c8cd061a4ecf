"""A prompt that is ready to be sent."""

import msgspec


class Prompt(msgspec.Struct, frozen=True):
    """The text of one request, and which prompt it was made from."""

    name: str
    version: int
    """Raised with every change of the words, so that usage and results can be told apart."""
    system: str
    user: str

    @property
    def purpose(self) -> str:
        """``name/version``."""
        return f"{self.name}/{self.version}"
