"""A Reverie server as the destination of recorded sessions."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import msgspec

from reverie.api.records import BriefingParams, ScoreParams, ScoresParams, SessionImport, StoredBriefing
from reverie.recorder.destination import AwayError, BriefingAsked, Guidance, RefusedError
from reverie.sessions.importers.draft import VERBATIM_ID

_SECONDS = 60.0
"""For a session to be taken."""
_NEVER = (400, 409, 413, 415, 422)
"""Statuses that say that the same request will fail again; all others may pass, such as a key that is made good."""


class ServerDestination:
    """Speaks to the server as the clients do, without the SDK, which takes a second to load."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx2.Client(headers={"x-api-key": key}, timeout=_SECONDS)

    def deliver(self, session_id: str, transcript: bytes) -> None:
        """See :class:`Destination`."""
        name = session_id if VERBATIM_ID.fullmatch(session_id) else "session"
        query = {"format": "reverie", "filename": f"{name[:100]}.jsonl"}
        answer = self._post("session_imports", query, transcript, _SECONDS)
        summary = msgspec.json.decode(answer, type=SessionImport)
        if summary.errors:
            raise RefusedError(f"session {session_id}: {summary.errors[0].reason}")

    def score(self, session_id: str, scores: Mapping[str, float]) -> None:
        """See :class:`Destination`."""
        body = ScoresParams(scores=tuple(ScoreParams(metric=name, value=value) for name, value in scores.items()))
        self._post(f"sessions/{quote(session_id, safe='')}/scores", {}, msgspec.json.encode(body), _SECONDS)

    def brief(self, asked: BriefingAsked, seconds: float) -> Guidance:
        """See :class:`Destination`."""
        body = BriefingParams(
            memory_store_ids=asked.stores,
            agent=_given(asked.agent),
            task_family=_given(asked.task_category),
            user_id=_given(asked.user_id),
            query=asked.query,
            reference=asked.reference,
        )
        given = msgspec.json.decode(
            self._post("briefings", {}, msgspec.json.encode(body), seconds), type=StoredBriefing
        )
        return Guidance(given.text, given.id, tuple(one.subject for one in given.shown))

    def close(self) -> None:
        """See :class:`Destination`."""
        self._client.close()

    def _post(self, path: str, query: Mapping[str, str], body: bytes, seconds: float) -> bytes:
        kind = "application/octet-stream" if path == "session_imports" else "application/json"
        try:
            answer = self._client.post(
                f"{self._url}/v1/{path}",
                params=dict(query),
                content=body,
                headers={"content-type": kind},
                timeout=seconds,
            )
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise AwayError(f"{self._url} cannot be reached: {error or type(error).__name__}") from error
        if answer.is_success:
            return answer.content
        said = f"{self._url} answers {answer.status_code}: {_message(answer)}"
        raise RefusedError(said) if answer.status_code in _NEVER else AwayError(said)


def _message(answer: httpx2.Response) -> str:
    try:
        body: Any = answer.json()
    except ValueError:
        return answer.text[:200]
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message")) if isinstance(error, dict) else answer.text[:200]


def _given(value: str | None) -> str | msgspec.UnsetType:
    return msgspec.UNSET if value is None else value
