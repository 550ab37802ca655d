"""`temwatch run`: the daemon."""

import click

from temwatch.cli.options import config_option, settings_of


@click.command()
@config_option()
@click.pass_context
def run(ctx: click.Context, config: str | None) -> int:
    """Watch, inspect and publish until told to stop (Ctrl-C or SIGTERM)."""
    from temwatch.wiring.running import run_daemon

    return run_daemon(settings_of(ctx, config))
