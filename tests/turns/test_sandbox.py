"""Tools of cloud sessions run in a folder and a process of their own, whose files and memory are the session's."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from anthropic import AsyncAnthropic, beta_async_tool

from reverie.memory.memory import Edit
from reverie.storage.memory.memories import apply_edits
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.turns.calls import DENIED
from reverie.turns.isolation import choose_isolation
from reverie.turns.sandbox import Sandboxes
from tests.api.conftest import Server
from tests.turns.scripted import MODEL, ScriptedTurnModel, call, calls, say, turns_run
from tests.turns.test_turn import at_rest, define, send, session_with, types, verdict

TOOLS = [{"type": "agent_toolset_20260401"}]
ISOLATIONS = [
    "none",
    pytest.param("bwrap", marks=pytest.mark.skipif(choose_isolation("auto")[0] == "none", reason="no bwrap")),
]


@pytest.fixture(params=ISOLATIONS)
def isolation(request: pytest.FixtureRequest) -> Any:
    return request.param


@asynccontextmanager
async def sandboxed(server: Server, home: Path, isolation: Any, *steps: Any) -> AsyncIterator[ScriptedTurnModel]:
    """Turns are run by a model that says these steps, with sandboxes below ``home``."""
    model = ScriptedTurnModel(*steps)
    async with turns_run(server.service, model, sandboxes=Sandboxes(home, isolation, server.service.clock)):
        yield model


async def session_of(client: AsyncAnthropic, resources: Any = (), **agent: Any) -> str:
    environment = await client.beta.environments.create(name="place", config={"type": "cloud"})
    made = await client.beta.agents.create(name="clerk", model=MODEL, tools=TOOLS, **agent)  # type: ignore[arg-type]
    session = await client.beta.sessions.create(agent=made.id, environment_id=environment.id, resources=resources)
    return session.id


async def results_of(client: AsyncAnthropic, session_id: str, text: str = "Go") -> list[tuple[str, bool]]:
    """Text and failure of each tool's result, after a message."""
    await send(client, session_id, text)
    events = await at_rest(client, session_id)
    results = [event for event in events if event.type == "agent.tool_result"]
    return [("\n".join(block.text for block in event.content), bool(event.is_error)) for event in results]


async def test_files_that_one_call_writes_are_there_for_the_next(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    steps = [
        call("write", 1, file_path="notes/a.txt", content="two\none\n"),
        calls(("bash", 2, {"command": "sort notes/a.txt; cd notes"}), ("bash", 3, {"command": "pwd"})),
        call("read", 4, file_path="/workspace/notes/a.txt"),
    ]
    session_id = await session_of(client)
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        results = await results_of(client, session_id)
    assert results[1:] == [("one\ntwo", False), ("/workspace/notes", False), ("two\none\n", False)]


async def test_what_leads_out_of_the_folder_is_refused(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    (home / "secret.txt").write_text("hidden")
    wanted = (
        "../../../secret.txt",
        "/etc/passwd",
        str(home / "secret.txt"),
        "/workspace/../../../../etc/passwd",
        "link",
    )
    steps = [call("bash", 1, command="ln -s /etc/passwd link")]
    steps += [call("read", number, file_path=path) for number, path in enumerate(wanted, 2)]
    session_id = await session_of(client)
    async with sandboxed(server, home / "boxes", isolation, *steps, say("Done.")):
        results = await results_of(client, session_id)
    assert [failed for _, failed in results[1:]] == [True] * len(wanted)
    assert "root:" not in str(results) and "hidden" not in str(results)


async def test_no_secret_of_the_server_is_in_the_environment_of_a_command(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANTHROPIC_API_KEY", "DATABASE_URL", "REVERIE_SECRET_KEY", "AWS_SECRET_ACCESS_KEY", "MY_PASSWORD"):
        monkeypatch.setenv(name, "do-not-tell")
    session_id = await session_of(client)
    commands = "env; tr '\\0' '\\n' < /proc/$PPID/environ; echo HOME=$HOME"
    async with sandboxed(server, home, isolation, call("bash", 1, command=commands), say("Done.")):
        ((shown, failed),) = await results_of(client, session_id)
    assert not failed and "do-not-tell" not in shown and "HOME=/workspace" in shown


async def test_promised_folders_are_there_and_uploads_are_read_only(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    file = await client.beta.files.upload(file=("table.csv", b"a,b\n1,2\n", "text/csv"))
    resource = {"type": "file", "file_id": file.id, "mount_path": "/data/table.csv"}
    session_id = await session_of(client, [resource])
    mounted = "/mnt/session/uploads/data/table.csv"
    steps = [
        call("bash", 1, command=f"cd /workspace && cut -d, -f2 {mounted} | tail -1 > /mnt/session/outputs/sum.txt"),
        call("write", 2, file_path=mounted, content="gone"),
        call("read", 3, file_path=mounted),
        call("read", 4, file_path="/mnt/session/outputs/sum.txt"),
    ]
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        results = await results_of(client, session_id)
    assert [failed for _, failed in results] == [False, True, False, False]
    assert [text for text, _ in results[2:]] == ["a,b\n1,2\n", "2\n"]


def only_folder(home: Path, pattern: str) -> Path:
    (folder,) = home.glob(pattern)
    return folder


async def store_with(client: AsyncAnthropic, **memories: str) -> str:
    store = await client.beta.memory_stores.create(name="Team notes")
    for name, content in memories.items():
        await client.beta.memory_stores.memories.create(store.id, path=f"/{name}.md", content=content)
    return store.id


async def contents(client: AsyncAnthropic, store_id: str) -> dict[str, str | None]:
    listed = client.beta.memory_stores.memories.list(store_id, view="full")
    return {memory.path: memory.content async for memory in listed if memory.type == "memory"}


async def test_memory_that_tools_write_is_the_stores_and_said_to_be_the_sessions(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    store_id = await store_with(client, old="known", stale="drop me")
    session_id = await session_of(client, [{"type": "memory_store", "memory_store_id": store_id}])
    steps = [
        call("bash", 1, command="cat /mnt/memory/team-notes/old.md; rm /mnt/memory/team-notes/stale.md"),
        call("write", 2, file_path="/mnt/memory/team-notes/new/fact.md", content="learned"),
        call("edit", 3, file_path="/mnt/memory/team-notes/old.md", old_string="known", new_string="well known"),
    ]
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        results = await results_of(client, session_id)
    assert results[0] == ("known", False)
    assert await contents(client, store_id) == {"/new/fact.md": "learned", "/old.md": "well known"}
    versions = [v async for v in client.beta.memory_stores.memory_versions.list(store_id, session_id=session_id)]
    assert {version.created_by.type for version in versions if version.created_by} == {"session_actor"}
    assert len(versions) == 3


async def test_a_store_that_may_only_be_read_stays_as_it_is(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    store_id = await store_with(client, old="known")
    session_id = await session_of(
        client, [{"type": "memory_store", "memory_store_id": store_id, "access": "read_only"}]
    )
    steps = [
        call("write", 1, file_path="/mnt/memory/team-notes/old.md", content="forged"),
        call("bash", 2, command="echo forged > /mnt/memory/team-notes/old.md"),
        call("read", 3, file_path="/mnt/memory/team-notes/old.md"),
    ]
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        results = await results_of(client, session_id)
    assert (results[0][1], results[2]) == (True, ("known", False))
    assert "read-only" in results[1][0].lower().replace("read only", "read-only")
    assert await contents(client, store_id) == {"/old.md": "known"}


async def test_what_two_wrote_at_one_place_is_both_kept_and_told(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    store_id = await store_with(client, old="known")
    (memory,) = [m async for m in client.beta.memory_stores.memories.list(store_id) if m.type == "memory"]
    session_id = await session_of(client, [{"type": "memory_store", "memory_store_id": store_id}])

    async with sandboxed(server, home, isolation, call("bash", 1, command="true"), say("Ready.")):
        await results_of(client, session_id)
    # Written after the folder was made, and in the folder without being read back, as by a process that was lost.
    await client.beta.memory_stores.memories.update(memory.id, memory_store_id=store_id, content="theirs")
    only_folder(home, "*/*/memory/team-notes").joinpath("old.md").write_text("mine")
    async with sandboxed(server, home, isolation, call("bash", 2, command="true"), say("Done.")):
        results = await results_of(client, session_id)
    assert "changed by somebody else" in results[-1][0]
    kept = await contents(client, store_id)
    assert kept.pop("/old.md") == "theirs" and list(kept.values()) == ["mine"]


async def test_long_output_goes_to_a_file_and_its_ends_are_shown(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    session_id = await session_of(client)
    steps = [
        call("bash", 1, command="seq 1 40000"),
        call("bash", 2, command="wc -l < .tool-output/*.txt; tail -1 .tool-output/*.txt"),
    ]
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        (shown, _), (rest, _) = await results_of(client, session_id)
    assert len(shown) < 25_000 and shown.startswith("1\n2\n") and shown.endswith("\n40000")
    assert rest.split() == ["39999", "40000"]


async def test_a_process_that_dies_costs_one_call(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    session_id = await session_of(client)
    steps = [
        call("bash", 1, command="echo kept > a.txt; kill -9 $PPID; sleep 100"),
        call("bash", 2, command="cat a.txt"),
    ]
    async with sandboxed(server, home, isolation, *steps, say("Done.")):
        lost, after = await results_of(client, session_id)
    assert lost[1] and "may have run" in lost[0]
    assert after == ("kept", False)


async def test_the_folders_of_sessions_that_are_archived_or_deleted_are_removed(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    session_id = await session_of(client)
    async with sandboxed(server, home, "none", call("bash", 1, command="true"), say("Done.")):
        await results_of(client, session_id)
    folder = only_folder(home, f"*/{session_id}")
    boxes = Sandboxes(home, "none", server.service.clock)
    await boxes.sweep(server.service.database, folder.parent.name)
    assert folder.exists()
    await client.beta.sessions.archive(session_id)
    await boxes.sweep(server.service.database, folder.parent.name)
    assert not folder.exists()


async def test_a_lesson_that_is_read_where_it_is_mounted_counts_as_shown(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    store_id = await store_with(client, plain="known")
    async with server.service.database.connection() as connection:
        lesson = Edit("/lessons/ask.md", "Ask first.", "", lesson_id="lsn_1")
        await apply_edits(
            connection, store_id, [lesson], act="dream", actor="drm_1", reason="", now=server.service.clock.now()
        )
    session_id = await session_of(client, [{"type": "memory_store", "memory_store_id": store_id}])
    paths = ("/mnt/memory/team-notes/plain.md", "../mnt/memory/team-notes/lessons/ask.md")
    steps = [call("read", number, file_path=path) for number, path in enumerate(paths, 1)]
    steps.append(call("read", 3, file_path="/mnt/memory/team-notes/lessons/ask.md"))
    async with sandboxed(server, home, "none", *steps, say("Done.")):
        results = await results_of(client, session_id)
    async with server.service.database.connection() as connection:
        row = await connection.execute(
            "SELECT subject, memory_store_id, mechanism FROM exposures WHERE subject = 'lsn_1'"
        )
        shown = await row.fetchall()
    assert results[2] == ("Ask first.", False)
    assert shown == [("lsn_1", store_id, "mount")]


async def test_what_is_left_under_outputs_is_what_the_grader_sees(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    command = "cd /mnt/session/outputs && mkdir a && echo Rose, nose > a/poem.txt && ln -s /etc/passwd link"
    session_id = await session_of(client)
    steps = [call("bash", 1, command=command), say("Written."), verdict("satisfied")]
    async with sandboxed(server, home, "none", *steps) as model:
        await define(client, session_id)
        await at_rest(client, session_id)
    asked = str(model.requests[2].messages)
    assert "Rose, nose" in asked and "a/poem.txt" in asked and "root:" not in asked and "Written." not in asked


async def test_outputs_are_files_of_the_session_that_clients_download(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    session_id = await session_of(client)
    steps = [
        call("bash", 1, command="cd /mnt/session/outputs; echo 1 > kept.csv; echo a > report.md; echo x > gone.txt"),
        call("bash", 2, command="cd /mnt/session/outputs; echo final > report.md; rm gone.txt"),
    ]
    async with sandboxed(server, home, "none", *steps, say("Done.")):
        await results_of(client, session_id)
    files = {file.filename: file async for file in client.beta.files.list(scope_id=session_id)}
    assert files.keys() == {"kept.csv", "report.md"} and files["kept.csv"].mime_type == "text/csv"
    assert await (await client.beta.files.download(files["report.md"].id)).read() == b"final\n"


async def test_an_interrupt_ends_the_command_that_runs(server: Server, client: AsyncAnthropic, home: Path) -> None:
    session_id = await session_of(client)
    steps = [
        call("bash", 1, command="touch /mnt/session/outputs/begun; sleep 1000"),
        call("bash", 2, command="echo on"),
    ]
    async with sandboxed(server, home, "none", *steps, say("Done.")):
        await send(client, session_id, "Go")
        await written(home, "*/*/session/outputs/begun")
        await client.beta.sessions.events.send(session_id, events=[{"type": "user.interrupt"}])
        await at_rest(client, session_id)
        results = await results_of(client, session_id, "Go on")
    assert results[0][1] and results[1] == ("on", False)


@pytest.mark.parametrize(
    ("answer", "told", "made"),
    [
        ({"result": "allow"}, ("yes", False), True),
        ({"result": "deny"}, (DENIED, True), False),
        ({"result": "deny", "deny_message": "Not here."}, (f"{DENIED} Not here.", True), False),
    ],
)
async def test_a_call_runs_when_the_user_allowed_it_and_never_when_they_denied_it(
    server: Server, client: AsyncAnthropic, home: Path, answer: Any, told: tuple[str, bool], made: bool
) -> None:
    asking = [{**TOOLS[0], "default_config": {"permission_policy": {"type": "always_ask"}}}]
    session_id = await session_with(client, tools=asking)
    command = call("bash", 1, command="echo yes | tee /mnt/session/outputs/made")
    async with sandboxed(server, home, "none", command, say("Done.")):
        assert await results_of(client, session_id) == []
        (use,) = [event for event in await at_rest(client, session_id) if event.type == "agent.tool_use"]
        confirmation = {"type": "user.tool_confirmation", "tool_use_id": use.id, **answer}
        await client.beta.sessions.events.send(session_id, events=[confirmation])  # type: ignore[list-item]
        events = await at_rest(client, session_id)
    (result,) = [event for event in events if event.type == "agent.tool_result"]
    assert ("".join(block.text for block in result.content).strip(), bool(result.is_error)) == told
    files = [file.filename async for file in client.beta.files.list(scope_id=session_id)]
    assert files == (["made"] if made else [])


async def written(home: Path, pattern: str) -> None:
    """Wait until a command has made a file."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not found(home, pattern):  # noqa: ASYNC110
            await asyncio.sleep(PATIENCE_SECONDS / 6_000)


def found(home: Path, pattern: str) -> bool:
    return any(home.glob(pattern))


async def test_skills_are_unpacked_in_the_working_directory(
    server: Server, client: AsyncAnthropic, home: Path, isolation: Any
) -> None:
    text = b"---\nname: counting\ndescription: Counts.\n---\nCount twice.\n"
    skill = await client.beta.skills.create(files=[("counting/SKILL.md", text)])
    session_id = await session_of(client, skills=[{"type": "custom", "skill_id": skill.id}])
    async with sandboxed(
        server, home, isolation, call("bash", 1, command="tail -1 skills/counting/SKILL.md"), say("Done.")
    ):
        assert await results_of(client, session_id) == [("Count twice.", False)]


def test_a_wish_for_bwrap_is_not_granted_silently(tmp_path: Path) -> None:
    assert shutil.which("bwrap", path=str(tmp_path)) is None
    assert choose_isolation("auto", str(tmp_path)) == ("none", "bwrap is not installed")


async def test_a_client_that_runs_the_calls_of_a_cloud_session_as_well_is_refused_and_goes_on(
    server: Server, client: AsyncAnthropic, home: Path
) -> None:
    """So does the SDK's example that observes calls, in an environment whose calls the server runs."""

    @beta_async_tool(name="bash")
    async def elsewhere(command: str) -> str:
        """Run a command."""
        await asyncio.sleep(0)
        return f"ran elsewhere: {command}"

    session_id = await session_of(client)
    async with sandboxed(server, home, "none", call("bash", 1, command="echo here"), say("Done.")):
        assert await results_of(client, session_id) == [("here", False)]
        runner = client.beta.sessions.events.tool_runner(session_id, tools=[elsewhere], max_idle=0.1)
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert [(seen.name, seen.posted) async for seen in runner] == [("bash", False)]
        assert types(await at_rest(client, session_id)).count("agent.tool_result") == 1
