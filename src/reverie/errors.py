"""Every error Reverie raises on purpose.

    ReverieError
    ├── SettingsError           a setting or environment variable cannot be used
    ├── ExtensionError          an installed extension is broken, or shares its name with another
    ├── DatabaseError           the database cannot be started, reached or migrated
    ├── MethodError             a path does not take the HTTP method
    ├── InputError              something the user gave is malformed
    │   ├── ExpressionError     a ``--where`` expression cannot be understood
    │   ├── ImportFormatError   a file's format is unknown or not the one named
    │   ├── MetricError         a metric or score is out of its stated range, or undefined
    │   ├── MemoryPathError     a memory path breaks the path rules
    │   ├── PredicateError      a proposed behaviour cannot be checked
    │   └── BoundsError         a change of an agent is outside of the agent's bounds
    ├── NotFoundError           what was named does not exist
    ├── ConflictError           the act would break a promise
    │   ├── PathConflictError   the memory path is taken
    │   ├── PreconditionError   the content hash has moved on
    │   ├── StoreLimitError     the store is full
    │   ├── StoreArchivedError  the store is archived, so it is read-only
    │   ├── SlotBusyError       another dream holds the store's slot
    │   └── HeartbeatError      a worker's lease on a piece of work has moved on
    ├── StateError              the resource is in a state that does not allow this
    ├── AccessError             the caller may not do this
    │   ├── CredentialError     the key or token is missing, unknown or revoked
    │   └── RoleError           the key's role or workspace does not cover this
    ├── SizeError               the request is larger than is taken
    ├── MediaError              the request is in a form that is not read here
    ├── RateError               too many requests in a short time
    ├── ModelError              a language model gave no usable answer
    │   ├── ModelUnavailable    no answer can be had now
    │   │   ├── ModelOverloaded     the provider is busy
    │   │   ├── ModelRateLimited    too many requests or tokens for the provider
    │   │   └── ModelAccessError    no key, a wrong one, or no such model
    │   ├── ModelRefused        the model or its provider declined the request
    │   │   ├── ContextOverflow     the conversation is longer than the model takes
    │   │   └── ThinkingRefused     the provider does not take its own thinking back
    │   ├── ModelReplyInvalid   the answer is cut short or not what was asked for
    │   └── ModelBudgetExceeded the answer might cost more than is left to spend
    └── DreamError              a dream could not be completed
        ├── DreamInputError     what it reads has gone or was archived meanwhile
        └── DreamCanceledError  it was canceled

Each message names what was wrong and what to do next.
"""

from collections.abc import Sequence
from typing import Any


class ReverieError(Exception):
    """Base of all errors that Reverie raises on purpose."""


class SettingsError(ReverieError):
    """A setting or environment variable cannot be used."""


class ExtensionError(ReverieError):
    """An extension that another package brings is broken, or shares its name with another."""


class DatabaseError(ReverieError):
    """The database cannot be started, reached or migrated."""


class MethodError(ReverieError):
    """A path does not take the HTTP method; ``allowed`` are those that it takes."""

    def __init__(self, message: str, allowed: Sequence[str]) -> None:
        super().__init__(message)
        self.allowed = tuple(allowed)


class InputError(ReverieError):
    """Something the user gave is malformed; ``code`` is the wire API's stable error code, if any."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class ExpressionError(InputError):
    """A ``--where`` expression cannot be understood."""


class ImportFormatError(InputError):
    """A file's format is unknown or not the one named."""


class MetricError(InputError):
    """A metric or score is out of its stated range, or undefined."""


class MemoryPathError(InputError):
    """A memory path breaks the path rules."""


class PredicateError(InputError):
    """A proposed behaviour cannot be checked: its pattern or its moment is not allowed."""


class BoundsError(InputError):
    """An agent's change of itself is outside of its bounds; ``parameter`` says which part of it."""

    def __init__(self, parameter: str, rule: str) -> None:
        super().__init__(f"{parameter}: {rule}", code="outside_bounds")
        self.parameter = parameter


class NotFoundError(ReverieError):
    """The named store, memory, session, revision or lesson does not exist."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        """The wire API's stable error code, if any."""


class ConflictError(ReverieError):
    """The act would break a promise; ``code`` is the wire API's stable error code, if any."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class PathConflictError(ConflictError):
    """The memory path is taken, or a file would become a directory."""

    def __init__(self, message: str, *, memory_id: str, path: str) -> None:
        super().__init__(message)
        self.memory_id = memory_id
        self.path = path


class PreconditionError(ConflictError):
    """The content hash has moved on since it was read."""


class StoreLimitError(ConflictError):
    """The store is full."""


class StoreArchivedError(ConflictError):
    """The store is archived, so it is read-only."""


class SlotBusyError(ConflictError):
    """Another dream holds the store's slot."""


class HeartbeatError(ConflictError):
    """A worker's lease on a piece of work has moved on; ``current`` is how it stands."""

    def __init__(self, message: str, *, current: dict[str, Any]) -> None:
        super().__init__(message)
        self.current = current


class StateError(ReverieError):
    """The resource is in a state that does not allow this; ``code`` is the wire API's stable error code, if any."""

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class AccessError(ReverieError):
    """The caller may not do this."""


class CredentialError(AccessError):
    """The key or token is missing, unknown or revoked."""


class RoleError(AccessError):
    """The key's role or workspace does not cover this."""


class SizeError(ReverieError):
    """The request is larger than is taken."""


class MediaError(ReverieError):
    """The request is of a media type or encoding that is not read here."""


class RateError(ReverieError):
    """Too many requests in a short time."""

    def __init__(self, message: str, *, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ModelError(ReverieError):
    """A language model gave no usable answer; carries the tokens that were used up all the same."""

    def __init__(self, message: str, *, input_tokens: int = 0, output_tokens: int = 0) -> None:
        super().__init__(message)
        self.input_tokens = input_tokens
        self.output_tokens = output_tokens


class ModelUnavailable(ModelError):
    """No answer can be had now: no connection, no access, or the provider failed after all retries."""


class ModelOverloaded(ModelUnavailable):
    """The provider is busy; a later try may do better."""


class ModelRateLimited(ModelUnavailable):
    """Too many requests or tokens for the provider; ``retry_after_seconds`` is when it wants to be asked again."""

    def __init__(self, message: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ModelAccessError(ModelUnavailable):
    """No key, a wrong one, or no such model: no later try does better until somebody changes a setting."""


class ModelRefused(ModelError):
    """The model or its provider declined this request."""


class ContextOverflow(ModelRefused):
    """The conversation is longer than the model takes."""


class ThinkingRefused(ModelRefused):
    """The provider does not take back the thinking that it gave."""


class ModelReplyInvalid(ModelError):
    """The answer is cut short or not what was asked for."""


class ModelBudgetExceeded(ModelError):
    """The answer might cost more than is left to spend, so it was not asked for."""


class DreamError(ReverieError):
    """A dream could not be completed; ``code`` is the wire API's code for why."""

    code = "internal_error"


class DreamInputError(DreamError):
    """What a dream reads has gone or was archived meanwhile."""

    # Durable workflows keep errors pickled, so it can be made from its message alone.
    def __init__(self, message: str, code: str = "internal_error") -> None:
        super().__init__(message)
        self.code = code


class DreamCanceledError(DreamError):
    """The dream was canceled; its store is as it was."""
