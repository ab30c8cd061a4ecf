import sys
from collections.abc import Iterator
from dataclasses import replace

import httpx2
import msgspec
import pytest
from anthropic import AsyncAnthropic
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from reverie.api.app import make_app
from reverie.api.live import LiveEvents
from reverie.api.load import report_load_once
from reverie.api.service import Service, ServiceOptions
from reverie.clock import SystemClock
from reverie.dreams.dream import DreamRequest
from reverie.dreams.policy import DreamPolicy
from reverie.errors import SettingsError
from reverie.jobs.dream_runtime import Runtime
from reverie.jobs.engine import dream
from reverie.settings import Settings, load_settings
from reverie.storage.postgres.database import Database
from reverie.storage.postgres.workspaces import ensure_workspaces
from reverie.telemetry.exporter import open_telemetry
from reverie.telemetry.open_telemetry import OpenTelemetry
from reverie.telemetry.telemetry import DREAMS, EVENTS_APPENDED, QUEUE_DEPTH, REQUESTS, STREAMS_OPEN


class Recorded:
    """Telemetry, and what was told to it."""

    def __init__(self) -> None:
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.telemetry = OpenTelemetry(tracers, MeterProvider([self.reader]))

    def spans(self) -> list[str]:
        return [span.name for span in self.exporter.get_finished_spans()]

    def points(self, name: str) -> list[tuple[dict[str, object], object]]:
        data = self.reader.get_metrics_data()
        metrics = [m for r in (data.resource_metrics if data else ()) for s in r.scope_metrics for m in s.metrics]
        found = [point for metric in metrics if metric.name == name for point in metric.data.data_points]
        return [(dict(point.attributes or {}), getattr(point, "value", None)) for point in found]


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    """Telemetry into memory."""
    recorded = Recorded()
    yield recorded
    recorded.telemetry.close()


@pytest.fixture
def service(database: Database, settings: Settings, recorded: Recorded) -> Service:
    """A service that asks for no key and tells what it does."""
    options = ServiceOptions(require_key=False)
    return Service(database, settings, SystemClock(), LiveEvents(), options, telemetry=recorded.telemetry)


async def test_a_request_is_a_span_named_by_its_route_and_counted(service: Service, recorded: Recorded) -> None:
    transport = httpx2.ASGITransport(make_app(service))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.get("/v1/environments/env_none")).status_code == 404
        assert (await client.get("/health")).status_code == 200
    assert recorded.spans() == ["GET /v1/environments/{environment_id}"]
    assert recorded.points(REQUESTS) == [({"endpoint": "environments.retrieve", "status": 404}, 1)]


async def test_appended_events_are_counted(service: Service, recorded: Recorded) -> None:
    http = httpx2.AsyncClient(transport=httpx2.ASGITransport(make_app(service)))
    async with AsyncAnthropic(base_url="http://localhost", api_key="any", http_client=http) as client:
        environment = await client.beta.environments.create(name="desk")
        agent = await client.beta.agents.create(name="a", model="m")
        session = await client.beta.sessions.create(agent=agent.id, environment_id=environment.id)
        said = {"type": "user.message", "content": [{"type": "text", "text": "Hello."}]}
        await client.beta.sessions.events.send(session.id, events=[said])  # type: ignore[list-item]
        appended = [event async for event in client.beta.sessions.events.list(session.id) if event.processed_at]
    assert [value for _, value in recorded.points(EVENTS_APPENDED)] == [len(appended)]


async def test_the_load_is_measured_by_workspace(service: Service, recorded: Recorded) -> None:
    await ensure_workspaces(service.database, service.clock.now())
    with service.live.follow("sesn_1"), service.live.follow("sesn_2"):
        await report_load_once(service)
    assert [value for _, value in recorded.points(STREAMS_OPEN)] == [2]
    assert {str(attributes["status"]): value for attributes, value in recorded.points(DREAMS)} == dict.fromkeys(
        ("pending", "running", "completed", "failed", "canceled"), 0
    )
    assert {str(attributes["queue"]) for attributes, _ in recorded.points(QUEUE_DEPTH)} == {"dreams", "work"}


async def test_each_stage_of_a_dream_is_a_span(database: Database, settings: Settings, recorded: Recorded) -> None:
    runtime = Runtime(database, settings, DreamPolicy(), SystemClock(), lambda *_: None)
    await dream(replace(runtime, observe=recorded.telemetry.stage), DreamRequest("default", None))
    stages = ["survey", "mine", "describe", "conclude"]
    assert recorded.spans() == [f"dream {stage}" for stage in stages]


def test_telemetry_is_off_unless_asked_for(settings: Settings) -> None:
    with open_telemetry(settings) as telemetry:
        assert not telemetry.is_on


def test_a_missing_library_is_named_with_how_to_get_it(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "reverie.telemetry.open_telemetry")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    asked = msgspec.structs.replace(settings, otlp_endpoint="http://127.0.0.1:4318")
    with pytest.raises(SettingsError, match=r"pip install 'reverie\[telemetry\]'"), open_telemetry(asked):
        pass


def test_an_endpoint_that_is_no_address_is_refused() -> None:
    with pytest.raises(SettingsError, match="REVERIE_OTLP_ENDPOINT"):
        load_settings({"REVERIE_OTLP_ENDPOINT": "localhost:4318"})
    assert load_settings({"REVERIE_OTLP_ENDPOINT": "http://localhost:4318"}).otlp_endpoint == "http://localhost:4318"
