"""What every request works with; made once when the server starts."""

from dataclasses import dataclass

from reverie.api.live import LiveEvents
from reverie.clock import Clock
from reverie.settings import Settings
from reverie.storage.postgres.database import Database
from reverie.telemetry.telemetry import NO_TELEMETRY, Telemetry


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
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages that may call from a browser; ``*`` is any."""


@dataclass(frozen=True, slots=True)
class Service:
    """The open database, the settings, and what runs beside requests."""

    database: Database
    settings: Settings
    clock: Clock
    live: LiveEvents
    options: ServiceOptions = ServiceOptions()
    telemetry: Telemetry = NO_TELEMETRY
