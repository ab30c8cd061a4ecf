"""The first page: what is new, how sessions fared day by day, what waits for a person."""

from collections.abc import AsyncIterator
from datetime import date, timedelta

import pytest
import pytest_asyncio

from reverie.console.last_look import SITTING
from reverie.console.pages.home import Chart, reward_chart
from reverie.statistics.quantity import Rate
from reverie.storage.learning.activity_report import ActiveDay
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Visitor, browsing, visiting
from tests.console.seeded import HOSTILE

ALARM_NUMBERS = (
    '{"sessions": 60, "rate": 0.5, "low": 0.4, "high": 0.6, "recent": 0.5, "value": 21.0, "run_length": 20,'
    ' "allowed": [0.0, 0.1]}'
)


@pytest_asyncio.fixture
async def busy(console: Server) -> Server:
    """A server with scored and unscored sessions of many days, an alarm, a frozen trial, dreams."""
    now = console.service.clock.now()
    async with console.service.database.connection() as connection:
        for day in range(12):
            at = now - timedelta(days=day)
            for place in range(6):
                await connection.execute(
                    "INSERT INTO sessions (id, source, task_id, started_at, imported_at, event_count, content_sha256,"
                    " reward) VALUES (%s, 'chat', %s, %s, %s, 0, '', %s)",
                    [f"{day}-{place}", f"t{place % 3}", at, at, (place % 2) if day != 5 else None],
                )
        await connection.execute(
            "INSERT INTO charter_alarms (id, charter_agent_id, version, agent, behaviour, act, numbers, session_id, at)"
            " VALUES ('alm_1', '', 1, %s, %s, 'notice', %s::jsonb, 's', %s)",
            ["desk/<b>", HOSTILE, ALARM_NUMBERS, now],
        )
        for dream, status, error in (("drm_ran", "running", None), ("drm_fell", "failed", HOSTILE)):
            await connection.execute(
                "INSERT INTO dreams (id, memory_store_id, status, request, created_at, last_session_key, error)"
                " VALUES (%s, 'memstore_x', %s, '{}', %s, 0, %s)",
                [dream, status, now, error],
            )
    return console


@pytest_asyncio.fixture
async def reader(busy: Server) -> AsyncIterator[Visitor]:
    """A visitor whose key may read alone."""
    async with visiting(busy, "read") as visitor:
        yield visitor


async def test_an_empty_home_says_the_first_steps(visitor: Visitor) -> None:
    text = (await visitor.get("/console")).text
    assert "reverie import" in text and "reverie dream" in text


async def test_days_stand_in_a_table_with_intervals(reader: Visitor) -> None:
    text = (await reader.get("/console")).text
    today = text.split("<tbody>")[1].split("</tr>")[0]
    assert today.count("0.50") >= 1 and " to " in today
    assert "data-chart=" in text


async def test_what_waits_is_listed_with_the_way_to_it_and_escaped(reader: Visitor) -> None:
    text = (await reader.get("/console")).text
    assert 'href="/console/agents/desk%2F%3Cb%3E"' in text
    assert 'href="/console/dreams/drm_ran"' in text and 'href="/console/dreams/drm_fell"' in text
    assert "<script>alert" not in text and "<img src=x" not in text


async def test_sessions_are_new_since_the_sitting_before(busy: Server, reader: Visitor) -> None:
    first = (await reader.get("/console")).text
    assert "In 30 days" in first and "72 new sessions" in first
    again = (await reader.get("/console")).text
    assert "In 30 days" in again
    earlier = busy.service.clock.now() - SITTING - timedelta(hours=2)
    reader.http.cookies.delete("reverie_console_looked")
    reader.http.cookies.set("reverie_console_looked", f"~{round(earlier.timestamp())}", path="/console")
    assert "6 new sessions" in (await reader.get("/console")).text


async def test_the_time_may_be_said(busy: Server, reader: Visitor) -> None:
    since = (busy.service.clock.now() - timedelta(hours=30)).strftime("%Y-%m-%dT%H:%M")
    assert "12 new sessions" in (await reader.get(f"/console?since={since}")).text
    assert (await reader.get("/console?since=yesterday")).status_code == 400
    assert (await reader.get("/console?since=0001-01-01T00:00%2B14:00")).status_code == 400
    assert (await reader.get("/console?days=0")).status_code == 400


def test_a_chart_draws_a_mean_within_its_interval_and_leaves_gaps() -> None:
    days = [
        ActiveDay(date(2026, 1, 1), 2, 2, Rate(0.5, 0.2, 0.8, 2), None),
        ActiveDay(date(2026, 1, 2), 0, 0, None, None),
    ]
    assert reward_chart(days) == Chart(
        data=[[1767225600.0, 1767312000.0], [0.5, None], [0.2, None], [0.8, None]],
        series=[
            {"label": "mean reward", "colour": 1},
            {"label": "from (95 %)", "quiet": True, "colour": 1},
            {"label": "to (95 %)", "quiet": True, "colour": 1},
        ],
        bands=[(3, 2, 1)],
    )


@pytest.mark.parametrize("look", ["desktop", "phone", "dark"])
async def test_the_page_is_without_fault(busy: Server, look: str) -> None:
    async with browsing(busy, dark=look == "dark") as screen:
        await screen.page.set_viewport_size(PHONE if look == "phone" else DESKTOP)  # type: ignore[arg-type]
        await screen.open("/console")
        await screen.page.locator("canvas").nth(1).wait_for()
        await screen.check()
