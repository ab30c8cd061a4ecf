"""Turns of live sessions, run beside the server's requests."""

from reverie.api.late import loaded
from reverie.api.service import Service


async def work(service: Service) -> None:
    """Run turns until cancelled, where this server is to."""
    if not service.options.run_agents:
        return
    run_turns = await loaded("reverie.turns.service:run_with_settings")
    if service.options.with_worker:
        open_sandboxes = await loaded("reverie.turns.sandbox:open_sandboxes")
        sandboxes = await open_sandboxes(service.settings.home, service.options.isolation, service.clock)
        await run_turns(service.database, service.settings, service.clock, sandboxes)
    else:
        await run_turns(service.database, service.settings, service.clock)
