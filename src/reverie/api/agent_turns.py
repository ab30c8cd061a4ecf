"""Turns of live sessions, run beside the server's requests."""

from reverie.api import on_demand
from reverie.api.service import Service


async def work(service: Service) -> None:
    """Run turns until cancelled, where this server is to."""
    if not service.options.run_agents:
        return
    run_with_settings = await on_demand.load(lambda: on_demand.run_with_settings)
    sandboxes = None
    if service.options.with_worker:
        open_sandboxes = await on_demand.load(lambda: on_demand.open_sandboxes)
        sandboxes = await open_sandboxes(service.settings.home, service.options.isolation, service.clock)
    private = service.options.private_mcp
    await run_with_settings(service.database, service.settings, service.clock, sandboxes, private_mcp=private)
