"""What a field's name says about its values."""

from functools import lru_cache

from reverie.digests.tool_name import words_of

OWN_NAMES = frozenset({
    "address", "address1", "address2", "city", "description", "dob", "email", "first", "firstname", "key", "last",
    "lastname", "message", "name", "note", "notes", "password", "phone", "street", "surname", "text", "title", "token",
    "url", "username", "zip",
})  # fmt: skip
"""Fields that tell one person or thing from another: true of few sessions, and nobody's business."""
_PARTICULAR = OWN_NAMES | {
    "amount", "answer", "balance", "body", "cell", "cmd", "code", "column", "command", "content", "cost", "customer",
    "database", "date", "day", "destination", "end", "expression", "file", "folder", "hash", "id", "ids", "index",
    "input", "item", "keyword", "keywords", "lat", "latitude", "line", "lines", "lon", "longitude", "month", "no",
    "number", "offset", "origin", "path", "pattern", "position", "price", "product", "prompt", "q", "quantity",
    "query", "question", "reference", "row", "search", "session", "sha", "start", "summary", "table", "term", "terms",
    "thought", "thread", "time", "timestamp", "total", "user", "uuid", "x", "y", "year", "zipcode",
}  # fmt: skip
"""Words in the names of fields that say what a task is about, or point at one thing."""


@lru_cache(maxsize=4096)
def is_particular(field: str) -> bool:
    """Whether the field's value belongs to one task, person or thing, so that it is no setting of the tool."""
    return not words_of(field).isdisjoint(_PARTICULAR)
