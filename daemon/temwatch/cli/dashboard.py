"""`temwatch dashboard`: the web page."""

import click

from temwatch.cli.options import address_options, config_option, config_path, daemon_at, settings_of
from temwatch.config import DashboardSection


@click.command()
@click.option("--host", default=None, help="Default: as configured, else 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=None, help="Default: as configured, else 8560."
)
@address_options
@config_option()
@click.pass_context
def dashboard(
    ctx: click.Context,
    config: str | None,
    events: str | None,
    commands: str | None,
    host: str | None,
    port: int | None,
) -> None:
    """Serve the web page: see frames, correct findings, watch the daemon. On this machine only."""
    from temwatch.dashboard.daemon import Addresses
    from temwatch.dashboard.serve import serve

    has_file = config_path(ctx, config) is not None
    section = settings_of(ctx, config).dashboard if has_file else DashboardSection()
    daemon = daemon_at(ctx, config, events, commands)
    host, port = host or section.host, port or section.port
    click.echo(f"temwatch: http://{host}:{port}/", err=True)
    serve(Addresses(events=daemon.events, commands=daemon.commands_at, key=daemon.key), host=host, port=port)
