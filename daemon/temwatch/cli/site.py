"""`temwatch init` and `temwatch check-config`: a new site, and whether its configuration is sound."""

from importlib import resources
from pathlib import Path

import click

from temwatch.cli.options import config_option, settings_of
from temwatch.errors import ConfigError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> int:
    """Write a config.toml and the folders of a new site into FOLDER. Nothing that is there is overwritten."""
    target = folder / "config.toml"
    if target.exists():
        raise ConfigError(f"{target} is there already", next_step="edit it, or choose another folder")
    (folder / "incoming").mkdir(parents=True, exist_ok=True)
    target.write_text(template(), "utf-8")
    click.echo(f"wrote {target}")
    click.echo(f"next: edit it, then  temwatch -c {target} check-config  and  temwatch -c {target} run")
    return 0


def template() -> str:
    """Return the commented config.toml that works as it is."""
    return resources.files("temwatch").joinpath("config.toml").read_text("utf-8")


@click.command("check-config")
@config_option()
@click.pass_context
def check_config(ctx: click.Context, config: str | None) -> int:
    """Say whether the configuration is sound; exit 78 with every fault if not."""
    settings = settings_of(ctx, config)
    for root in settings.roots:
        there = "" if root.path.is_dir() else "  (not there yet: watched as soon as it is)"
        click.echo(f"root {root.name}: {root.path}{there}")
    click.echo(f"state: {settings.state.dir}")
    for name in settings.without_effect():
        click.echo(f"note: [{name}] is understood, but has no effect in this version")
    click.echo("config ok")
    return 0
