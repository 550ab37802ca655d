"""`temwatch dashboard`: the web page, and who may sign in to it."""

import click
from pydantic import ValidationError

from temwatch.cli.main import OK
from temwatch.cli.options import address_options, config_option, config_path, daemon_at, settings_of
from temwatch.config import DashboardSection
from temwatch.errors import ConfigError


@click.command()
@click.option("--host", default=None, help="Default: as configured, else 127.0.0.1.")
@click.option(
    "--port", type=click.IntRange(1, 65535), default=None, help="Default: as configured, else 8560."
)
@click.option("--add-user", metavar="NAME", help="Let somebody sign in (asks for a password), and end.")
@click.option(
    "--role",
    type=click.Choice(["viewer", "labeller", "admin"]),
    default="viewer",
    show_default=True,
    help="Of --add-user.",
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
    add_user: str | None,
    role: str,
) -> int:
    """Serve the web page: see frames, correct findings, watch the daemon. To this machine, or to who signs in."""
    has_file = config_path(ctx, config) is not None
    section = settings_of(ctx, config).dashboard if has_file else DashboardSection()
    if add_user:
        return _add_user(section, add_user, role)
    from temwatch.dashboard.daemon import Addresses
    from temwatch.dashboard.serve import serve

    daemon = daemon_at(ctx, config, events, commands)
    section = _elsewhere(section, host, port)
    scheme = "https" if section.certificate else "http"
    click.echo(f"temwatch: {scheme}://{section.host}:{section.port}/", err=True)
    serve(Addresses(events=daemon.events, commands=daemon.commands_at, key=daemon.key), section)
    return OK


def _elsewhere(section: DashboardSection, host: str | None, port: int | None) -> DashboardSection:
    """Return the section with another host or port, checked like the configuration."""
    said = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    try:
        return DashboardSection.model_validate({**section.model_dump(), **said})
    except ValidationError as error:
        raise ConfigError("; ".join(fault["msg"] for fault in error.errors())) from error


def _add_user(section: DashboardSection, name: str, role: str) -> int:
    from temwatch.dashboard.users import Users

    if section.users is None:
        raise ConfigError(
            "no file for users is configured", next_step='add users = "users.json" under [dashboard]'
        )
    password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    Users(section.users).add(name, role, password)
    click.echo(f"{name} may sign in as {role}", err=True)
    return OK
