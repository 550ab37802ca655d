"""`temwatch keys`: who may listen, label and give orders. Works on the keys folder; a running daemon sees it at once."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from temwatch.cli.main import OK
from temwatch.cli.options import config_option, settings_of
from temwatch.errors import ConfigError
from temwatch.model.caller import ROLES, Role
from temwatch.publish import keys as folder_of_keys
from temwatch.wire.keyfile import fingerprint


@click.group()
def keys() -> None:
    """Say who may listen (viewer), label (labeller) and give orders (admin)."""


@keys.command("create")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The owner's file; default: NAME.key beside the rest.",
)
@config_option()
@click.pass_context
def create(ctx: click.Context, name: str, role: Role, out: Path | None, config: str | None) -> int:
    """Make a key for NAME, and the daemon's own where there is none yet."""
    made = folder_of_keys.create(_folder(ctx, config), name, role, at=datetime.now(UTC), out=out)
    click.echo(made)
    click.echo(
        f"with this file {name} may do what the role {role} may; move it to its owner over a safe way",
        err=True,
    )
    return OK


@keys.command("list")
@config_option()
@click.pass_context
def list_(ctx: click.Context, config: str | None) -> int:
    """Show every key that was ever granted. Secrets are never shown."""
    table = Table("name", "role", "key", "since", "taken back", show_edge=False)
    for grant in folder_of_keys.grants(_folder(ctx, config)):
        row = (grant.name, grant.role, fingerprint(grant.public), grant.created_at, grant.revoked_at or "")
        table.add_row(*row, style="dim" if grant.revoked_at else "")
    Console(soft_wrap=True).print(table)
    return OK


@keys.command("revoke")
@click.argument("name")
@config_option()
@click.pass_context
def revoke(ctx: click.Context, name: str, config: str | None) -> int:
    """Take the key of NAME back, at once and for good. A running daemon need not be told."""
    grant = folder_of_keys.revoke(_folder(ctx, config), name, at=datetime.now(UTC))
    click.echo(f"{grant.name} ({grant.role}, key {fingerprint(grant.public)}) is taken back")
    return OK


def _folder(ctx: click.Context, config: str | None) -> Path:
    folder = settings_of(ctx, config).security.keys
    if folder is None:
        raise ConfigError(
            "the configuration names no folder for keys", next_step='add [security] keys = "keys" to it'
        )
    return folder
