"""Options that several commands share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from temwatch.client.command import DEFAULT_COMMANDS
from temwatch.client.subscription import DEFAULT_EVENTS
from temwatch.config import Settings, load
from temwatch.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/temwatch/config.toml")

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def config_option() -> Decorator:
    """Return the ``-c`` option; it may stand before or after the command's name."""
    return click.option("-c", "--config", type=click.Path(), default=None, help="The site's config.toml.")


def config_path(ctx: click.Context, given: str | None) -> Path | None:
    """Return the config file to use, None where none was named and none is found."""
    named = given or ctx.obj
    if named:
        return Path(named)
    return next((path for path in (Path("config.toml"), SYSTEM_CONFIG) if path.exists()), None)


def settings_of(ctx: click.Context, given: str | None) -> Settings:
    """Return the checked settings.

    Raises
    ------
    ConfigError
        Also where there is no file.
    """
    path = config_path(ctx, given)
    if path is None:
        raise ConfigError(
            f"no ./config.toml and no {SYSTEM_CONFIG}",
            next_step="`temwatch init DIR` writes one, or name it with -c",
        )
    state = os.environ.get("STATE_DIRECTORY")
    return load(path, state_dir=Path(state) if state else None)


def addresses(
    ctx: click.Context, given: str | None, events: str | None, commands: str | None
) -> tuple[str, str]:
    """Return where the daemon publishes and answers: as said, else from the config, else the defaults."""
    if events and commands:
        return events, commands
    if config_path(ctx, given) is None:
        return events or DEFAULT_EVENTS, commands or DEFAULT_COMMANDS
    publish = settings_of(ctx, given).publish
    return events or publish.events, commands or publish.commands


def address_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--events`` and ``--commands``."""
    for name, what in (("--commands", "answers commands"), ("--events", "publishes")):
        function = click.option(name, default=None, help=f"Where the daemon {what}; default: as configured.")(
            function
        )
    return function
