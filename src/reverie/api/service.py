"""What every request works with; made once when the server starts."""

import asyncio
from dataclasses import dataclass, field

from reverie.api.live import LiveEvents
from reverie.api.mcp_server import McpSessions
from reverie.clock import Clock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.telemetry.telemetry import NO_TELEMETRY, Telemetry
from reverie.turns.isolation import Wish

MOST_RECEIVING = 4
"""Requests of OTLP that are read at a time; others wait."""


@dataclass(frozen=True, slots=True)
class ServiceOptions:
    """How the server treats its callers."""

    require_key: bool = True
    """False lets anyone who reaches the server act as an admin of the default workspace; for loopback only."""
    strict_betas: bool = False
    """Insist on the beta headers as the hosted service does."""
    requests_per_minute: int | None = None
    """The most calls a key may make in a minute; None sets no limit."""
    private_webhooks: bool = False
    """Deliver webhooks to private networks and over plain HTTP too."""
    private_mcp: bool = False
    """Let agents use MCP servers on private networks, on this machine, and over plain HTTP too."""
    listens_on: str = "127.0.0.1"
    """The address that requests come to, by which the server may be called."""
    host_names: tuple[str, ...] = ()
    """Further names by which it may be called, in small letters. Without keys a request must name this server by its
    address, as localhost or by one of these; with keys, that is asked for where there are some."""
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call from a browser; ``*`` is any."""
    run_agents: bool = False
    """Run the turns of sessions here; otherwise they wait for another server, or for whoever records them."""
    with_worker: int = 0
    """Sessions of each self-hosted environment that workers of the server's own serve at a time; cloud sessions get
    sandboxes then too. 0 runs tools nowhere."""
    isolation: Wish = "auto"
    """How tools are kept apart from this machine."""


@dataclass(frozen=True, slots=True)
class Service:
    """The open database, the settings, and what runs beside requests."""

    database: Database
    settings: Settings
    clock: Clock
    live: LiveEvents
    options: ServiceOptions = ServiceOptions()
    telemetry: Telemetry = NO_TELEMETRY
    background: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    """What runs beside requests, by what it does; filled when it begins."""
    receiving: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_RECEIVING))
    """Held while a request of OTLP is unpacked and read, which takes many times its size in memory."""
    redaction_keys: dict[str, bytes] = field(default_factory=dict)
    """What secrets are replaced by, by workspace's schema, once it was looked up; it never changes."""
    mcp: McpSessions = field(default_factory=McpSessions)
    """Of agents that look for lessons and memory here."""
