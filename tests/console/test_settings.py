"""Settings and the audit log in the console."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import httpx2
import pytest
import pytest_asyncio

from reverie import AsyncClient as Reverie
from reverie.storage.postgres.act import record_act, system_actor
from tests.api.conftest import Server
from tests.console.conftest import DESKTOP, PHONE, Screen, Visitor, browsing, visiting
from tests.storage.audit.history import tamper

HOSTILE = '<script>alert(1)</script>"><img src=x onerror=alert(2)> Prüfstand 先检查'
LATER = datetime(2026, 11, 29, tzinfo=UTC)
SECRET = re.compile(r"sk-reverie-\w+-[\w-]{20,}")


@pytest_asyncio.fixture
async def reverie(console: Server) -> AsyncIterator[Reverie]:
    async with console.client(await console.key()) as client:
        yield Reverie(sdk=client)


@pytest_asyncio.fixture
async def store(reverie: Reverie) -> str:
    """A store with a hostile name."""
    return str((await reverie.beta.memory_stores.create(name=HOSTILE)).id)


async def test_without_stores_scores_and_acts_the_pages_say_what_comes_next(visitor: Visitor) -> None:
    assert "reverie memory create NAME" in (await visitor.get("/console/settings")).text
    assert "reverie score SESSION" in (await visitor.get("/console/settings/metrics")).text
    assert "Nobody has changed anything yet" in (await visitor.get("/console/audit")).text


async def test_the_policy_of_a_store_is_set_and_the_rest_of_it_stays(
    store: str, reverie: Reverie, visitor: Visitor
) -> None:
    await reverie.set_policy(store, {"mining": {"least_effect": 0.2}})
    page = f"/console/settings/stores/{store}"
    done = await visitor.send(page, f"{page}/policy", mode="ask", holdout="0.05")
    assert "The policy stands: ask." in done.text and "a person decides" in done.text
    policy = (await reverie.policy(store)).policy
    assert (policy["live"]["memory_holdout"], policy["mining"]["least_effect"]) == (0.05, 0.2)
    assert "5% of sessions" in (await visitor.get("/console/settings")).text
    for fields, words in (
        ({"mode": "maybe"}, "mode: &#39;maybe&#39; is none of"),
        ({"mode": "ask", "holdout": "much"}, "holdout: &#39;much&#39; is no number"),
        ({"mode": "ask", "holdout": "1"}, "memory_holdout"),
    ):
        assert words in (await visitor.send(page, f"{page}/policy", **fields)).text


async def test_a_store_dreams_by_itself_rests_and_stops(store: str, visitor: Visitor) -> None:
    page = f"/console/settings/stores/{store}"
    assert "dreams when somebody asks for it" in (await visitor.get(page)).text
    made = await visitor.send(page, f"{page}/schedule", expression="0 3 * * *", timezone="Europe/Oslo")
    assert "It dreams at 0 3 * * * Europe/Oslo." in made.text
    assert "The schedule rests." in (await visitor.send(page, f"{page}/schedule/pause")).text
    assert '<span class="badge open">paused' in (await visitor.get("/console/settings")).text
    assert "The schedule goes on." in (await visitor.send(page, f"{page}/schedule/unpause")).text
    assert "by itself no more" in (await visitor.send(page, f"{page}/schedule/delete")).text
    assert "nothing that can be done" in (await visitor.send(page, f"{page}/schedule/burn")).text


async def test_a_metric_is_defined_and_told(reverie: Reverie, visitor: Visitor) -> None:
    page = "/console/settings/metrics"
    fields = {"name": HOSTILE, "direction": "minimize", "low": "0", "high": "60", "unit": "s", "target": "10"}
    done = (await visitor.send(page, page, **fields)).text
    assert "is defined; every session&#39;s reward follows" in done and "0 to 60 s" in done and "lower" in done
    assert [(one.name, one.target) for one in await reverie.metrics()] == [(HOSTILE, 10.0)]
    assert "high: &#39;inf&#39; is no number" in (await visitor.send(page, page, **{**fields, "high": "inf"})).text
    assert "must be below high" in (await visitor.send(page, page, **{**fields, "high": "-1"})).text


async def test_a_key_s_secret_is_shown_once_and_works_until_it_is_revoked(console: Server, visitor: Visitor) -> None:
    page = "/console/settings/keys"
    made = await visitor.send(page, page, role="read", name=HOSTILE, days="7")
    (secret,) = SECRET.findall(made.text)
    assert made.headers["cache-control"] == "no-store" and secret not in str(made.headers)
    async with console.http(secret) as http:
        assert (await http.get("/v1/metrics")).status_code == 200
    listed = (await visitor.get(page)).text
    assert SECRET.search(listed) is None and "this visit" in listed
    revoke = listed.partition('/revoke"')[0].rpartition('action="')[2] + "/revoke"
    assert "Revoked apikey_" in (await visitor.send(page, revoke)).text
    for fields, words in (({"role": "worker"}, "none of read"), ({"role": "read", "days": "x"}, "no whole number")):
        assert words in (await visitor.send(page, page, **fields)).text


async def test_the_server_tells_how_it_is(visitor: Visitor) -> None:
    text = (await visitor.get("/console/settings/server")).text
    assert "PostgreSQL" in text and "trials looked at" in text and "<code>claude-code</code>" in text


async def test_acts_are_found_by_what_who_and_how_and_lead_to_what_they_changed(
    store: str, visitor: Visitor, console: Server
) -> None:
    async with console.service.database.connection() as connection:
        details = {"reason": HOSTILE}
        await record_act(connection, system_actor("trials"), "trials.roll_back", "trl_1", "", LATER, details)
    text = (await visitor.get("/console/audit")).text
    assert f'href="/console/memory/{store}"' in text and 'href="/console/trials/trl_1"' in text
    assert 'href="/console/audit?actor=trials"' in text
    for query, seen in (
        (f"resource_id={store}", False),
        ("actor=trials", True),
        ("action=trials.roll_back", True),
        ("actor=nobody", False),
    ):
        assert ("trl_1" in (await visitor.get(f"/console/audit?{query}")).text) == seen


async def test_the_history_is_sealed_and_compared_with_its_seals(console: Server, store: str, visitor: Visitor) -> None:
    assert " made." in (await visitor.send("/console/audit", "/console/audit/seal")).text
    assert "The history fits its seals" in (await visitor.get("/console/audit/verify")).text
    tampering = "UPDATE audit_log SET resource_id = 'x' WHERE resource_id = %s"
    assert await asyncio.to_thread(tamper, console.service.database.url, "audit_log", tampering, store) == 1
    text = (await visitor.get("/console/audit/verify")).text
    assert "1 fault in the history" in text and "audit_log 1" in text


async def test_no_name_and_no_detail_is_markup(store: str, console: Server, visitor: Visitor) -> None:
    async with console.service.database.connection() as connection:
        actor = {"type": "system", "name": HOSTILE}
        await record_act(connection, actor, HOSTILE, HOSTILE, "", LATER, {"reason": HOSTILE})
    for path in ("settings", f"settings/stores/{store}", "audit"):
        text = (await visitor.get(f"/console/{path}")).text
        assert "<script>alert" not in text and "<img" not in text and "&lt;script&gt;" in text


async def test_a_key_that_reads_sees_the_settings_and_changes_nothing(console: Server, store: str) -> None:
    page = f"/console/settings/stores/{store}"
    async with visiting(console, "read") as reader:
        assert "Set policy" not in (await reader.get(page)).text
        for path in ("settings/keys", "settings/server", "audit"):
            assert "shown to a key of role admin" in (await reader.get(f"/console/{path}")).text
        assert (await reader.get("/console/audit/verify")).status_code == 403
        for path, fields in (
            (f"{page}/policy", {"mode": "act"}),
            (f"{page}/schedule", {"expression": "0 3 * * *"}),
            ("/console/settings/metrics", {"name": "m"}),
            ("/console/settings/keys", {"role": "read"}),
            ("/console/audit/seal", {}),
        ):
            assert "needs a key of role" in (await reader.send(page, path, **fields)).text


async def test_acts_are_paged(console: Server, visitor: Visitor) -> None:
    async with console.service.database.connection() as connection:
        for number in range(60):
            await record_act(connection, system_actor("trials"), "trials.end", f"trl_n{number}n", "", LATER)
    first = (await visitor.get("/console/audit?actor=trials")).text
    assert "trl_n59n" in first and "trl_n9n" not in first
    following = first.partition('class="pager"><a href="')[2].partition('"')[0].replace("&amp;", "&")
    rest: httpx2.Response = await visitor.get(following)
    assert "trl_n9n" in rest.text and "trl_n10n" not in rest.text


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
async def test_the_pages_are_without_fault_at_every_size(
    console: Server, reverie: Reverie, store: str, dark: bool
) -> None:
    await reverie.schedule_dreams(store, "0 3 * * *")
    await reverie.create_api_key("read", name="x" * 250)
    await reverie.seal_history()
    async with browsing(console, dark=dark) as screen:
        for size in (DESKTOP, PHONE):
            await screen.page.set_viewport_size(size)  # type: ignore[arg-type]
            for path in ("", f"/stores/{store}", "/metrics", "/keys", "/server", "/../audit", "/../audit/verify"):
                await screen.open(f"/console/settings{path}")
                await screen.check()


async def test_a_key_is_made_by_keyboard(screen: Screen) -> None:
    await screen.open("/console/settings/keys")
    await screen.page.get_by_label("What it is for").fill("dashboard")
    await screen.page.keyboard.press("Enter")
    await screen.page.get_by_role("heading", name="The key is made").wait_for()
    await screen.check()
