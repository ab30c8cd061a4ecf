"""Addresses of pages that other pages lead to."""

from urllib.parse import quote, urlencode

from reverie.ids import event_sequence


def at(*parts: str | int, **query: str | int | None) -> str:
    """The address of ``/console/…``: parts and what is asked of the page, each escaped; what is None is left out."""
    path = "/".join(("/console", *(quote(str(part), safe="") for part in parts)))
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    return f"{path}?{asked}" if asked else path


def session_at(session_id: str, event_id: str | None = None) -> str:
    """The address of a session's page, at an event where one is named."""
    if event_id is None:
        return at("sessions", session_id)
    try:
        return event_at(session_id, event_sequence(event_id))
    except ValueError:  # an id that another program made: the session is near enough
        return at("sessions", session_id)


def event_at(session_id: str, sequence: int, thread: str | None = None) -> str:
    """The address of an event in its session's page, of which the range that holds it is shown."""
    return f"{at('sessions', session_id, event=sequence, thread=thread)}#event-{sequence}"


def actor_at(actor: str) -> str | None:
    """The page of whoever did something, where there is one."""
    kind = actor.partition("_")[0]
    if kind == "drm":
        return at("dreams", actor)
    return at("sessions", actor) if kind == "sesn" else None
