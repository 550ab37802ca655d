"""The `temwatch` command: finds the subcommand, turns every outcome into an exit code."""

import importlib
import os
import sys
from typing import Any, NoReturn

import click

from temwatch import __version__
from temwatch.errors import (
    ConfigError,
    DaemonUnreachable,
    NotAllowed,
    PermanentError,
    StoreRefused,
    TemwatchError,
    TransientError,
)

OK, FAILED, USAGE, NOT_RUNNING, DEGRADED, PROBLEMS, TRY_LATER, NOT_ALLOWED, BAD_CONFIG, INTERRUPTED = (
    0,
    1,
    2,
    3,
    4,
    5,
    75,
    77,
    78,
    130,
)

KEY = "temwatch.key"  # under which the context keeps the key file that was named

# Command -> module of this package. Imported when it is asked for: `temwatch listen` need not load OpenCV.
COMMANDS = {
    "demo": "demo",
    "init": "site",
    "check-config": "site",
    "run": "run",
    "dashboard": "dashboard",
    "classify": "classify",
    "listen": "listen",
    "replay": "replay",
    "status": "status",
    "top": "status",
    "simulate": "simulate",
    "doctor": "doctor",
    "model": "model",
    "retrain": "retrain",
    "finder": "finder",
    "atlas": "atlas",
    "evaluate": "evaluate",
    "keys": "keys",
    "export": "export",
    "label": "label",
    "review": "review",
}


class _Lazy(click.Group):
    """A group that imports a command's module only to run it or to say what it does."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"temwatch.cli.{COMMANDS[cmd_name]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="temwatch")
@click.option(
    "-c", "--config", type=click.Path(), help="Default: ./config.toml, then /etc/temwatch/config.toml."
)
@click.option("--key", type=click.Path(), help="Your key file, where the daemon uses keys.")
@click.option("-v", "--verbose", is_flag=True, help="Log more.")
@click.pass_context
def temwatch(ctx: click.Context, config: str | None, key: str | None, verbose: bool) -> None:
    """Watch a transmission electron microscope: find, measure, classify and grade what is in every new frame."""
    from temwatch import logs

    logs.set_up(verbose=verbose)
    ctx.obj = config
    ctx.meta[KEY] = key


def main(argv: list[str] | None = None) -> NoReturn:
    """Run the command line and leave with its exit code."""
    sys.exit(run(argv))


def run(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        result: Any = temwatch.main(args=argv, prog_name="temwatch", standalone_mode=False)
        return result if isinstance(result, int) else OK
    except click.exceptions.Abort:
        return _say("interrupted", INTERRUPTED)
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        return USAGE
    except TemwatchError as error:
        return _say(str(error), exit_code_of(error))
    except BrokenPipeError:
        # The reader of our output went away (`| head`): not our failure, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def exit_code_of(error: TemwatchError) -> int:
    """Return the exit code that tells a script what now: mend the configuration, try later, give up."""
    match error:
        case ConfigError() | StoreRefused():
            return BAD_CONFIG
        case DaemonUnreachable():
            return NOT_RUNNING
        case NotAllowed():
            return NOT_ALLOWED
        case TransientError():
            return TRY_LATER
        case PermanentError():
            return FAILED
        case _:
            return FAILED


def _say(text: str, code: int) -> int:
    click.echo(f"temwatch: {text}", err=True)
    return code
