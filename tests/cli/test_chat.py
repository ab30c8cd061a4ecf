"""``reverie agents`` and ``reverie chat`` as processes, against a server process and a fake model server."""

import json
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reverie.settings import Settings
from reverie.testing.fake_models import FakeModels, fault, say, serve
from reverie.testing.patience import PATIENCE_SECONDS
from reverie.testing.server_process import running_server

EXAMPLES = Path(__file__).parents[2] / "examples"
DESK = EXAMPLES / "support_desk"
HELPER = EXAMPLES / "coding_helper"
REVIEW = EXAMPLES / "two_agent_review"
UNFINISHED = "reverie: the agent did not finish: interrupted\n"
COMMAND = [sys.executable, "-m", "reverie.cli.main"]


@pytest.fixture
def server(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[FakeModels, int]]:
    """The models of a server that ``REVERIE_URL`` names, and its process."""
    with serve([]) as models:
        monkeypatch.setenv("REVERIE_MODEL", "anthropic:any")
        monkeypatch.setenv("REVERIE_MODEL_URL", models.url)
        options = ("--no-key", "--with-worker", "1", "--isolation", "none")
        with running_server(settings, tmp_path / "log", *options) as server:
            monkeypatch.setenv("REVERIE_URL", server.url)
            yield models, server.process.pid


@pytest.fixture
def models(server: tuple[FakeModels, int]) -> FakeModels:
    return server[0]


def run(*arguments: str, typed: str = "") -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command."""
    ended = subprocess.run(
        [*COMMAND, *arguments], input=typed, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
    )
    return ended.returncode, ended.stdout, ended.stderr


def made(folder: Path, file: str = "agent.yaml") -> Any:
    code, out, err = run("agents", "create", "--from", str(folder / file), "--json")
    assert code == 0, err
    return json.loads(out)


@pytest.mark.usefixtures("server")
def test_a_file_makes_an_agent_and_what_it_names_once(tmp_path: Path) -> None:
    first, second = made(DESK), made(DESK)
    assert [first[noun]["made"] for noun in ("environment", "memory_store")] == [True, True]
    assert [second[noun]["made"] for noun in ("environment", "memory_store")] == [False, False]
    assert second["memory_store"]["id"] == first["memory_store"]["id"] == first["agent"]["metadata"]["memory_store_id"]
    assert first["agent"]["metadata"]["team"] == "support"
    listed = json.loads(run("agents", "list", "--json")[1])
    assert [agent["id"] for agent in listed] == [second["agent"]["id"], first["agent"]["id"]]
    assert first["agent"]["id"] in run("agents", "list")[1]
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: a\nmodel: m\ntools: [{type: custom, name: x}]\n", encoding="utf-8")
    code, _, err = run("agents", "create", "--from", str(bad))
    assert code == 1 and err.startswith(f"reverie: {bad}: tools.0") and err.count("\n") == 1


def test_a_person_is_asked_for_what_their_own_tool_gives(models: FakeModels) -> None:
    made(DESK)
    models.follow(runpy.run_path(str(DESK / "desk_model.py"))["answer"])
    code, out, err = run("chat", "support-desk", typed="Hello\n\nWhere is order 17?\nshipped\n")
    assert code == 0 and err.startswith("support-desk (agent_")
    assert out.splitlines() == [
        "you> Which order is it about? Please give me its number.",
        "you> you> Let me look that up.",
        '→ look_up_order {"number":"17"}',
        'Result of look_up_order {"number":"17"}: Your order: shipped. I keep an eye on it.',
        "you> ",
    ]
    code, out, err = run("chat", "support-desk", "--message", "And order 18?", "--json", typed="lost\n")
    events = [json.loads(line) for line in out.splitlines()]
    assert code == 0 and events[0]["type"] == "user.message" and events[-1]["stop_reason"]["type"] == "end_turn"
    said = [event["content"][0]["text"] for event in events if event["type"] == "agent.message"]
    assert said == ["Let me look that up.", "Your order: lost. I keep an eye on it."]
    code, out, err = run("chat", "support-desk", "--message", "Order 19?")
    assert code == 1 and err.endswith("Not answered; the agent is interrupted.\n" + UNFINISHED)
    code, _, err = run("chat", "nobody")
    assert code == 1 and err.startswith("reverie: no agent 'nobody' is there; see `reverie agents list`")


def test_a_command_runs_when_the_person_says_yes_and_not_when_they_say_no(models: FakeModels) -> None:
    agent = made(HELPER)["agent"]["id"]
    models.follow(runpy.run_path(str(HELPER / "helper_model.py"))["answer"])
    code, out, _ = run("chat", agent, "--message", "Sum", typed="perhaps\ny\n")
    assert code == 0 and out.splitlines()[-1] == "It prints 55."
    assert out.splitlines()[2:4] == ["← wrote 25 bytes to sum.py", '→ bash {"command":"python3 sum.py"}']
    code, out, _ = run("chat", agent, "--message", "Sum", typed="n\n")
    assert code == 0 and "55" not in out
    assert out.splitlines()[-1] == "That did not work: The user refused this call; it was not run."


def test_a_coordinator_has_a_text_written_and_reviewed_until_no_fault_is_left(models: FakeModels) -> None:
    code, _, err = run("agents", "create", "--from", str(REVIEW / "agent.yaml"))
    remedy = "no agent 'writer' is there; make it first: reverie agents create --from FILE.yaml"
    assert (code, err) == (1, f"reverie: {REVIEW / 'agent.yaml'}: multiagent.agents.0: {remedy}\n")
    roster = [made(REVIEW, file)["agent"]["id"] for file in ("writer.yaml", "reviewer.yaml")]
    agent = made(REVIEW)["agent"]
    assert [entry["id"] for entry in agent["multiagent"]["agents"]] == roster
    models.follow(runpy.run_path(str(REVIEW / "review_model.py"))["answer"])
    code, out, err = run("chat", agent["name"], "--message", "Say that the shop is closed on Monday.")
    assert code == 0, err
    *before, last = out.splitlines()
    assert [line for line in before if line.startswith(("← writer", "← reviewer"))] == [
        "← writer: Closed on Monday. Sorry!",
        "← reviewer: Fault: no word on Tuesday.",
        "← writer: Closed on Monday for stocktaking. Open on Tuesday at nine.",
        "← reviewer: No faults.",
    ]
    assert last == "Written and reviewed: Closed on Monday for stocktaking. Open on Tuesday at nine."


def test_ctrl_c_interrupts_the_agent_and_a_second_one_leaves(server: tuple[FakeModels, int]) -> None:
    models, process = server
    agent = made(DESK)["agent"]["id"]
    long = fault("silence", say("One two three four five six seven eight nine ten."), after=4)
    models.follow([long, say("Yes?"), long])
    with subprocess.Popen([*COMMAND, "chat", agent], stdin=-1, stdout=-1, stderr=-1, text=True, bufsize=1) as chat:
        assert chat.stdin is not None and chat.stdout is not None and chat.stderr is not None
        assert chat.stderr.readline().startswith("support-desk (")
        chat.stdin.write("Go on\n")
        assert chat.stdout.read(len("you> One")) == "you> One"
        chat.send_signal(signal.SIGINT)
        assert chat.stderr.readline() == "Interrupting; Ctrl-C again leaves.\n"
        assert chat.stderr.readline() == "The turn ended: interrupted\n"
        chat.stdin.write("Still there?\nGo on\n")
        assert chat.stdout.readline().startswith(" two")
        assert chat.stdout.readline() == "you> Yes?\n"
        assert chat.stdout.read(len("you> One")) == "you> One"
        os.kill(process, signal.SIGSTOP)  # so that the interrupt is not answered
        try:
            chat.send_signal(signal.SIGINT)
            assert chat.stderr.readline() == "Interrupting; Ctrl-C again leaves.\n"
            chat.send_signal(signal.SIGINT)
            assert chat.wait(PATIENCE_SECONDS) == 1
        finally:
            os.kill(process, signal.SIGCONT)
        assert chat.stderr.read() == "Aborted!\n"


def test_without_a_server_the_next_step_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REVERIE_URL", raising=False)
    code, out, err = run("chat", "desk", "--url", "http://127.0.0.1:1")
    assert (code, out) == (1, "")
    assert (
        err
        == "reverie: no server answers at http://127.0.0.1:1; check --url or REVERIE_URL, and that the server runs\n"
    )
