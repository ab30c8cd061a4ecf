"""What a piece of code amounts to, whatever its language."""

import msgspec


class Commands(msgspec.Struct, frozen=True):
    """The commands in one piece of code."""

    names: tuple[str, ...]
    """``language:command``, the leading command first, each once; never empty."""
    features: tuple[str, ...] = ()
    """Constructs used, each with its language: ``sql join``, ``bash pipe``."""
    inspects_schema: bool = False
    """Whether it reads the layout of a database."""
    silent: bool = False
    """Whether it says nothing when all goes well, so that an empty result means no more than "done"."""
