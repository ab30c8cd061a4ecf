"""Telemetry through OpenTelemetry's SDK. Loaded only where it is on, since the SDK is an optional extra."""

from collections.abc import Iterator, MutableMapping
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.metrics import Counter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.types import ASGIApp, Receive, Scope, Send

from reverie.telemetry.telemetry import Attributes

RESOURCE = Resource.create({"service.name": "reverie", "service.version": version("reverie")})
_UNTRACED = "/health,/ready"
"""Asked every few seconds by whatever watches the server."""


class OpenTelemetry:
    """Hands spans and measurements to providers of the SDK."""

    is_on = True

    def __init__(self, tracers: TracerProvider, meters: MeterProvider) -> None:
        self._tracers = tracers
        self._meters = meters
        self._tracer = tracers.get_tracer("reverie")
        self._meter = meters.get_meter("reverie")
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Any] = {}

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """See :class:`Telemetry`."""
        middleware: ASGIApp = OpenTelemetryMiddleware(
            _named_by_route(app),
            excluded_urls=_UNTRACED,
            tracer_provider=self._tracers,
            meter_provider=self._meters,
            exclude_spans=["receive", "send"],
        )
        return middleware

    def stage(self, stage: str, dream_id: str) -> AbstractContextManager[None]:
        """See :class:`Telemetry`."""
        return self._stage(stage, dream_id)

    @contextmanager
    def _stage(self, stage: str, dream_id: str) -> Iterator[None]:
        attributes = {"reverie.dream.id": dream_id, "reverie.dream.stage": stage}
        with self._tracer.start_as_current_span(f"dream {stage}", attributes=attributes):
            yield

    def count(self, name: str, amount: int, attributes: Attributes | None = None) -> None:
        """See :class:`Telemetry`."""
        if name not in self._counters:
            self._counters[name] = self._meter.create_counter(name)
        self._counters[name].add(amount, attributes)

    def measure(self, name: str, value: int, attributes: Attributes | None = None) -> None:
        """See :class:`Telemetry`."""
        if name not in self._gauges:
            self._gauges[name] = self._meter.create_gauge(name)
        self._gauges[name].set(value, attributes)

    def close(self) -> None:
        """Send what has not been sent."""
        self._tracers.shutdown()
        self._meters.shutdown()


def _named_by_route(app: ASGIApp) -> ASGIApp:
    """``app`` with the span of each request named by its route, since paths hold ids."""

    async def named(scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()

        async def sent(message: MutableMapping[str, Any]) -> None:
            route = scope.get("route")
            if message["type"] == "http.response.start" and route is not None:
                span.update_name(f"{scope['method']} {route.path_format}")
                span.set_attribute("http.route", route.path_format)
            await send(message)

        await app(scope, receive, sent)

    return named


def export_to(endpoint: str) -> OpenTelemetry:
    """Telemetry that is sent to a collector at ``endpoint``, such as ``http://localhost:4318``, by OTLP over HTTP."""
    address = endpoint.rstrip("/")
    tracers = TracerProvider(resource=RESOURCE)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{address}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{address}/v1/metrics"))
    return OpenTelemetry(tracers, MeterProvider([reader], resource=RESOURCE))
