"""``reverie trials`` and ``reverie briefing``: the whole way of a trial without a server."""

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from reverie.cli.briefing import briefing
from reverie.cli.memory import memory
from reverie.cli.policy import policy
from reverie.cli.sessions import import_sessions
from reverie.cli.trial_chart import HEIGHT, draw_curve
from reverie.cli.trials import trials
from reverie.errors import ConflictError, InputError, NotFoundError, StateError
from reverie.trials.report import CurvePoint

ADVICE = "Look at the schema before the first query"
MESSAGES = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": "Three."}]


@pytest.fixture
def desk(database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A database with a store whose trials outcomes decide."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REVERIE_WORKERS", "1")
    invoke(memory, "create", "desk")
    file = tmp_path / "policy.json"
    file.write_text('{"live": {"mode": "act"}}')
    invoke(policy, "desk", "--file", str(file))


def invoke(command: Any, *arguments: str) -> str:
    done = CliRunner().invoke(command, list(arguments), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def as_json(command: Any, *arguments: str) -> Any:
    return msgspec.json.decode(invoke(command, *arguments, "--json"))


@pytest.mark.usefixtures("desk")
def test_a_trial_is_begun_briefed_scored_by_an_import_looked_at_and_taken_back(tmp_path: Path) -> None:
    begun = as_json(trials, "start", "desk", "--advice", ADVICE, "--set", "horizon_exposures=500")
    assert (begun["title"], begun["policy"]["horizon_exposures"], begun["created_by"]) == (ADVICE, 500, "user")
    random, sessions = Random(1), []
    for number in range(60):
        given = as_json(briefing, "desk", "--reference", f"run-{number}")
        reward = float(random.random() < (0.02 if ADVICE in given["text"] else 0.98))
        sessions.append({"id": f"run-{number}", "messages": MESSAGES, "reward": reward})
    file = tmp_path / "runs.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in sessions))
    invoke(import_sessions, str(file))
    looked = invoke(trials, "look")
    assert f"{begun['id']}  {ADVICE}\n    rolled back: it does harm: effect -" in looked
    assert looked.endswith("1 trial looked at, 1 decided\n")
    (listed,) = as_json(trials, "list", "desk", "--state", "rolled_back")
    assert (listed["numbers"]["sessions"], listed["forecast"]) == (60, None)
    assert invoke(trials, "look").endswith("0 trials looked at, 0 decided\n")
    shown = invoke(trials, "show", begun["id"])
    assert shown.startswith(f"{ADVICE}\n{begun['id']}, begun ") and "●" in shown and " roll back by auto: " in shown
    assert as_json(trials, "show", begun["id"])["curve"][-1]["sessions"] == 60
    assert "ended: a person took back the decision to roll back it" in invoke(trials, "undo", begun["id"])


@pytest.mark.usefixtures("desk")
def test_trials_are_listed_with_what_is_known_of_them() -> None:
    assert invoke(trials, "list").startswith("no trials; a dream begins them where the store's policy says so")
    trial = as_json(trials, "start", "--advice", ADVICE, "--agent", "clerk")
    heading, row = invoke(trials, "list").splitlines()[:2]
    assert heading.split() == ["trial", "state", "effect", "interval", "sessions", "months", "to", "go", "advice"]
    assert row.split()[:6] == [trial["id"], "trial", "–", "–", "0", "3.0"]


@pytest.mark.usefixtures("desk")
def test_a_person_decides_and_is_told_what_cannot_be_done() -> None:
    trial = as_json(trials, "start", "--advice", ADVICE)
    with pytest.raises(ConflictError, match=f"is in a trial already \\({trial['id']}\\); end that first"):
        invoke(trials, "start", "--advice", ADVICE)
    decided = invoke(trials, "decide", trial["id"], "adopt", "--note", "it is the law")
    assert decided == f"{trial['id']}  {ADVICE}\nended: decided by a person: it is the law\n"
    with pytest.raises(StateError, match="has ended"):
        invoke(trials, "decide", trial["id"], "reject")
    with pytest.raises(NotFoundError, match="`reverie trials list` names those that there are"):
        invoke(trials, "show", "trl_nobody")
    with pytest.raises(InputError, match="give lesson_id or advice"):
        invoke(trials, "start")
    with pytest.raises(InputError, match="unknown field `horizon`"):
        invoke(trials, "start", "--advice", "Do", "--set", "horizon=1")


@pytest.mark.usefixtures("desk")
def test_a_briefing_is_the_text_alone_and_says_beside_it_how_its_outcome_will_count() -> None:
    done = CliRunner().invoke(briefing, ["desk"], catch_exceptions=False)
    assert (done.stdout, "import the session with metadata reverie_briefing=brf_" in done.stderr) == ("", True)
    done = CliRunner().invoke(briefing, ["desk", "--reference", "run-1"], catch_exceptions=False)
    assert "import the session with id run-1, so that its outcome counts" in done.stderr


def test_a_curve_is_drawn_with_its_interval_and_ends_at_its_last_point() -> None:
    points = [CurvePoint(n, False, 0.1, 0.1 - 2 / n, 0.1 + 2 / n) for n in range(1, 241)]
    *lines, axis = draw_curve(points)
    assert len(lines) == HEIGHT and axis.endswith("240 sessions")
    assert sum(line.count("●") for line in lines) == 60 == max(map(len, lines)) - len(" 0.00 ┤")
    assert lines[0].startswith("+0.13 ┤") and lines[HEIGHT // 2].startswith(" 0.00 ┤")
    assert draw_curve([]) == [] and len(draw_curve(points[:1])) == HEIGHT + 1
