"""Stands in for the models of all three agents, so that the review runs offline."""

import re

from reverie.testing.fake_models import Reply, Request, call, say

FIRST = "Closed on Monday. Sorry!"
SECOND = "Closed on Monday for stocktaking. Open on Tuesday at nine."
REPORT = re.compile(r"Message from (\w+) \((\w+)\):\n\n(.*)", re.DOTALL)
"""How the coordinator is told what an agent handed in: its name, its thread, its words."""


def answer(request: Request) -> Reply:
    """Plays the agent that asks: only the coordinator calls others in, and only the writer writes."""
    if "create_agent" in request.tools:
        return coordinate(request)
    if request.system.startswith("You write"):
        return call("submit_result", {"result": SECOND if "Fault:" in request.text else FIRST})
    return call("submit_result", {"result": "No faults." if SECOND in request.text else "Fault: no word on Tuesday."})


def coordinate(request: Request) -> Reply:
    """Hands the text from the writer to the reviewer and back, until no fault is left."""
    reports = read_reports(request)
    last = REPORT.search(request.text)
    if last is None:
        return call("wait_for_agents", {}) if request.results else task("writer", request.text, reports)
    if last[1] == "writer":
        return task("reviewer", f"Review this text:\n\n{last[3]}", reports)
    if last[3].startswith("Fault:"):
        return task("writer", last[3], reports)
    return say(f"Written and reviewed: {reports['writer'][1]}")


def task(agent: str, words: str, reports: dict[str, tuple[str, str]]) -> Reply:
    """Calls the agent in, or writes to its thread when it was called in before."""
    if agent in reports:
        return call("send_to_agent", {"thread": reports[agent][0], "message": words})
    return say(f"I call in the {agent}.") + call("create_agent", {"agent": agent, "task": words})


def read_reports(request: Request) -> dict[str, tuple[str, str]]:
    """By agent: its thread, and what it handed in last."""
    told = (block for message in request.messages if message["role"] == "user" for block in message["content"])
    found = (REPORT.search(block["text"]) for block in told if block["type"] == "text")
    return {report[1]: (report[2], report[3]) for report in found if report}
