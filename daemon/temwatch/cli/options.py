"""Options that several commands share."""

import getpass
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from temwatch.cli.main import KEY
from temwatch.client import Commands, Subscription
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A daemon, as the commands reach it.

    Attributes
    ----------
    events, commands_at : str
        Where it publishes, and where it answers.
    key : Path or None
        The key file under which it is asked.
    """

    events: str
    commands_at: str
    key: Path | None

    def commands(self, *, timeout_s: float = 5.0, operator: str | None = None) -> Commands:
        """Return a connection to ask it over. Where there are no keys it is told `operator`, else who is logged in."""
        return Commands(self.commands_at, timeout_s=timeout_s, operator=operator or _user(), keys=self.key)

    def subscription(
        self, *, since: int | None = None, topic: str = "", timeout_s: float | None = None
    ) -> Subscription:
        """Return a subscription to what it publishes."""
        return Subscription(
            self.events, self.commands_at, since=since, topic=topic, timeout_s=timeout_s, keys=self.key
        )


def daemon_at(ctx: click.Context, given: str | None, events: str | None, commands: str | None) -> Daemon:
    """Return the daemon that a command means: addresses and key as said, else from the config, else the defaults."""
    events, commands = addresses(ctx, given, events, commands)
    return Daemon(events=events, commands_at=commands, key=key_of(ctx, given))


def key_of(ctx: click.Context, given: str | None) -> Path | None:
    """Return the key file to use: ``--key``, then ``$TEMWATCH_KEY``, then ``[security] key``; None for none."""
    said = ctx.meta.get(KEY) or os.environ.get("TEMWATCH_KEY")
    if said:
        return Path(said)
    return settings_of(ctx, given).security.key if config_path(ctx, given) else None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return ""


def _remember_key(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value:
        ctx.meta[KEY] = value


def key_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--key``; it may stand before or after the command's name, and `key_of` finds it."""
    return click.option(
        "--key",
        type=click.Path(),
        expose_value=False,
        callback=_remember_key,
        help="Your key file, where the daemon uses keys; default: $TEMWATCH_KEY, then as configured.",
    )(function)


def address_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add ``--events``, ``--commands`` and ``--key``."""
    for name, what in (("--commands", "answers commands"), ("--events", "publishes")):
        function = click.option(name, default=None, help=f"Where the daemon {what}; default: as configured.")(
            function
        )
    return key_option(function)
