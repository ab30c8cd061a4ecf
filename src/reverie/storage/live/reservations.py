"""What requests that are under way may cost at most, by thread."""

from collections.abc import Iterable

from reverie.storage.postgres.database import Connection


async def reserve(connection: Connection, session_key: int, thread: str | None, usd: float) -> None:
    """Note what a thread's request that begins may cost, in US dollars; it counts until the request's end is stored."""
    await connection.execute(
        "INSERT INTO reservations (session_key, thread_id, usd) VALUES (%s, %s, %s)"
        " ON CONFLICT (session_key, thread_id) DO UPDATE SET usd = excluded.usd",
        [session_key, thread or "", usd],
    )


async def read_reserved(connection: Connection, session_key: int, threads: Iterable[str]) -> float:
    """What the requests of these threads (``''`` is the session's own) may cost together, in US dollars."""
    rows = await connection.execute(
        "SELECT coalesce(sum(usd), 0) FROM reservations WHERE session_key = %s AND thread_id = ANY (%s)",
        [session_key, list(threads)],
    )
    row = await rows.fetchone()
    return float(row[0]) if row else 0.0
