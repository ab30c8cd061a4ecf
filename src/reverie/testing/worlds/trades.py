"""Three trades: an incident desk, a data pipeline and a tutor. The same shapes in other clothes and sizes."""

from reverie.testing.worlds.trade import Option, Trade, trade_world, with_truths
from reverie.testing.worlds.world import World

INCIDENTS = with_truths(
    Trade(
        name="incident-desk",
        openings={
            "disk": "A disk on the build host is nearly full.",
            "latency": "Checkout has been slow since this morning.",
            "login": "Nobody in the office can log in.",
            "certificate": "The certificate of the intranet expires today.",
        },
        look_up="read_alert",
        field="severity",
        pays={"critical": 0.28, "minor": -0.28},
        check="read_runbook",
        topics=("disk", "latency", "login", "certificate"),
        work="query_metrics",
        error="Error: too many requests, slow down",
        recoveries=(Option("pause_and_resume", 0.5, 0.3), Option("query_metrics", 0.35, 0.0), Option("", 0.15, 0.0)),
        update="restart_service",
        refusal="Error: permission denied for this host",
        repairs=(Option("request_approval", 0.5, 0.34), Option("list_hosts", 0.25), Option("", 0.25)),
        weak="login",
    ),
    "rate limit",
    "permission denied",
)
"""Whoever turns to another tool after the rate limit pauses: only the words differ."""

PIPELINE = with_truths(
    Trade(
        name="data-pipeline",
        openings={
            "orders": "Load the orders of last night into the warehouse.",
            "clicks": "The click stream has gaps since Monday, fill them.",
            "prices": "Refresh the price list before the shops open.",
        },
        look_up="describe_source",
        field="format",
        pays={"nested": 0.26, "flat": -0.26},
        check="profile_columns",
        topics=("orders", "clicks", "prices"),
        work="run_load",
        error="Error: no such file or partition",
        recoveries=(
            Option("list_partitions", 0.42, 0.32),
            Option("notify_owner", 0.06),
            Option("run_load", 0.3, 0.0, {"mode": "plain"}),
            Option("", 0.22),
        ),
        update="alter_table",
        refusal="Error: relation is locked, connection reset by server",
        repairs=(Option("release_lock", 0.5, 0.32), Option("show_jobs", 0.3), Option("", 0.2)),
        weak="clicks",
    ),
    "no such file",
    "connection failed",
)
"""Of those who turn to another tool, one in eight does something that does nothing."""

TUTOR = with_truths(
    Trade(
        name="tutor",
        openings={
            "fractions": "I do not understand how to add fractions.",
            "verbs": "Which past tense do I need in this sentence?",
            "maps": "How do I read the contour lines on this map?",
            "cells": "What does a cell wall do?",
        },
        look_up="open_profile",
        field="level",
        pays={"beginner": 0.27, "advanced": -0.27},
        check="show_worked_example",
        topics=("fractions", "verbs", "maps", "cells"),
        work="set_exercise",
        error="Error: invalid value for mode",
        recoveries=(
            Option("set_exercise", 0.4, 0.3, {"mode": "guided"}),
            Option("set_exercise", 0.25, 0.0, {"mode": "timed"}),
            Option("search_library", 0.2),
            Option("", 0.15),
        ),
        update="grade_answer",
        refusal="Error: answer sheet not found",
        repairs=(Option("request_photo", 0.5, 0.32), Option("open_gradebook", 0.25), Option("", 0.25)),
        weak="verbs",
    ),
    "invalid argument",
    "not found",
)
"""What helps after the error is one value that the input is changed to."""

TRADES = (INCIDENTS, PIPELINE, TUTOR)


def incident_desk_world(seed: int, sessions: int = 3_000, tasks: int = 96) -> World:
    """An incident desk: pausing after a rate limit helps, and everybody who turns to another tool pauses."""
    return trade_world(INCIDENTS, seed, sessions, tasks)


def pipeline_world(seed: int, sessions: int = 3_000, tasks: int = 96) -> World:
    """A data pipeline: of the tools turned to after a missing file one helps."""
    return trade_world(PIPELINE, seed, sessions, tasks)


def tutor_world(seed: int, sessions: int = 3_000, tasks: int = 96) -> World:
    """A tutor: after an invalid value one other value helps."""
    return trade_world(TUTOR, seed, sessions, tasks)
