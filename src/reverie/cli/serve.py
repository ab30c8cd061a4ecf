"""``reverie serve``: the API as one process on the database."""

import asyncio
from contextlib import suppress

import click

from reverie.api.host_check import is_loopback, read_host_name
from reverie.api.logs import set_up_logs
from reverie.api.server import serve as run_server
from reverie.api.service import ServiceOptions
from reverie.cli.memory_text import echo_json, json_option
from reverie.console.app import console_routes
from reverie.settings import load_settings
from reverie.turns.isolation import Wish, choose_isolation, describe


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=8700,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 takes a free one.",
)
@click.option("--no-key", is_flag=True, help="Ask for no API key; only on a loopback address.")
@click.option("--strict-betas", is_flag=True, help="Insist on beta headers as the hosted service does.")
@click.option("--rate-limit", type=click.IntRange(1), help="Most requests a minute of one key; none by default.")
@click.option("--private-webhooks", is_flag=True, help="Deliver webhooks to private networks and over plain HTTP too.")
@click.option(
    "--private-mcp", is_flag=True, help="Let agents use MCP servers on private networks and over plain HTTP too."
)
@click.option(
    "--cors-origin", multiple=True, help="A web page's origin that may call from a browser, or *; repeatable."
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="Answer to this name too, and with keys to no unknown one; repeatable. Without keys the server answers to "
    "localhost and to the address that it listens on.",
)
@click.option("--no-agents", is_flag=True, help="Leave the turns of sessions to other servers, or to who records them.")
@click.option(
    "--with-worker",
    type=click.IntRange(1),
    is_flag=False,
    flag_value=4,
    help="Run tools too: in sandboxes, and for self-hosted environments by workers, N sessions of each at a time.",
)
@click.option(
    "--isolation",
    type=click.Choice(["auto", "none", "bwrap"]),
    default="auto",
    show_default=True,
    help="With --with-worker: keep tools apart from this machine; auto takes bwrap where it works.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    help="Least level of the log lines.",
)
@json_option
def serve(
    host: str,
    port: int,
    no_key: bool,
    strict_betas: bool,
    rate_limit: int | None,
    private_webhooks: bool,
    private_mcp: bool,
    cors_origin: tuple[str, ...],
    allow_host: tuple[str, ...],
    no_agents: bool,
    with_worker: int | None,
    isolation: Wish,
    log_level: str,
    as_json: bool,
) -> None:
    """Serve the Managed Agents API, Reverie's own and the console; stop with Ctrl-C or SIGTERM.

    Data lives in REVERIE_HOME, or in DATABASE_URL, where any number of servers may share it. Keys come from
    `reverie keys create`.
    """
    if no_key and not is_loopback(host):
        raise click.BadParameter(f"{host} can be reached from elsewhere; leave out --no-key", param_hint="--host")
    set_up_logs(log_level)
    options = ServiceOptions(
        require_key=not no_key,
        strict_betas=strict_betas,
        requests_per_minute=rate_limit,
        private_webhooks=private_webhooks,
        private_mcp=private_mcp,
        listens_on=host,
        host_names=tuple(map(read_host_name, allow_host)),
        cors_origins=cors_origin,
        run_agents=not no_agents,
        with_worker=with_worker or 0,
        isolation=isolation,
    )
    where = None if with_worker is None else describe(*choose_isolation(isolation))

    def ready(taken: int) -> None:
        if as_json:
            echo_json({"url": f"http://{host}:{taken}", "isolation": where})
            return
        click.echo(f"Reverie serves http://{host}:{taken} (console: /console, docs: /docs)")
        if where is not None:
            click.echo(f"With worker: {where}")

    # The server has stopped in good order by then.
    with suppress(KeyboardInterrupt):
        asyncio.run(run_server(load_settings(), options, host, port, ready, console_routes))
