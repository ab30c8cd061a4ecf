"""What could not be imported, and why."""

import msgspec


class ImportProblem(msgspec.Struct, frozen=True):
    """Something that should have been a session and could not be read, or, as a warning, only in part."""

    path: str
    line: int
    """The line or position reached; 0 when the file as a whole is at fault: then none is said."""
    reason: str

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        return f"{place}: {self.reason}"
