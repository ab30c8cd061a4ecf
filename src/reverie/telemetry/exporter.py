"""Telemetry as the settings have it."""

from collections.abc import Iterator
from contextlib import contextmanager

from reverie.errors import SettingsError
from reverie.lazy_modules import load_module
from reverie.settings import Settings
from reverie.telemetry.telemetry import NO_TELEMETRY, Telemetry


@contextmanager
def open_telemetry(settings: Settings) -> Iterator[Telemetry]:
    """Telemetry to the collector that the settings name; none without one.

    Raises:
        SettingsError: a collector is named and OpenTelemetry is not installed.
    """
    if settings.otlp_endpoint is None:
        yield NO_TELEMETRY
        return
    try:
        exporting = load_module("reverie.telemetry.open_telemetry")
    except ImportError as error:
        raise SettingsError(
            f"REVERIE_OTLP_ENDPOINT is set and {error.name} is missing: pip install 'reverie[telemetry]', or unset it"
        ) from error
    telemetry = exporting.export_to(settings.otlp_endpoint)
    try:
        yield telemetry
    finally:
        telemetry.close()
