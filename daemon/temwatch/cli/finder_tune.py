"""`temwatch finder tune`, `list` and `use`: weights of a site's own, and the way back."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from temwatch.cli.finder_evaluate import SETS
from temwatch.cli.options import config_option, config_path, settings_of
from temwatch.errors import ModelRefused, PermanentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from temwatch.learn.reviewed_frames import ReviewedFrame

_SHIPPED = "shipped"
_SHELF = click.option(
    "--shelf",
    type=click.Path(path_type=Path, file_okay=False),
    help="Default: finder/ in the state folder of the configuration.",
)


@click.command("tune")
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--set", "set_name", type=click.Choice(SETS), help="How folders are laid out; default: their name."
)
@click.option(
    "--only", multiple=True, help="Name of a frame to learn from; may be repeated. Default: all of them."
)
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="What to start from. Default: the weights in use.",
)
@click.option(
    "--unmarked",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A frame nobody marked, on which the number of finds must not halve or double; may be repeated.",
)
@_SHELF
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--steps", type=click.IntRange(min=1), default=100, show_default=True)
@click.option("--bfloat16", "short", is_flag=True, help="Nearly twice as fast where the processor has it.")
@config_option()
@click.pass_context
def tune(
    ctx: click.Context,
    sources: tuple[Path, ...],
    set_name: str | None,
    only: tuple[str, ...],
    weights: Path | None,
    unmarked: tuple[Path, ...],
    shelf: Path | None,
    seed: int,
    steps: int,
    short: bool,
    config: str | None,
) -> int:
    r"""Take the finder's weights on to your own marked frames, if held-out frames bear it out.

    SOURCES are folders of frames in which everything was marked, or JSON files of reviews:

    \b
    {"version": 1, "frames": [{"image": "0001.dm4", "specimen": "foil 3",
      "reviewed": "all" or [{"top", "left", "bottom", "right"}],
      "marks": [{"is": "confirmed" | "missed" | "artefact", "class": "pore",
                 "rectangle" | "ellipse": {"row", "col", "length_px", "width_px", "angle_deg"}
                 or "contour": [[row, col], …] or "mask": "file.png"}]}]}

    Prints a JSON object: the folder of the new weights (null where the old ones stay) and why. Nothing changes
    until `temwatch finder use` names them.
    """
    try:
        from temwatch.learn.finder_training.tuned import shelve
        from temwatch.learn.finder_training.tuned import tune as tune_weights
        from temwatch.learn.finder_training.tuning import Lesson
    except ImportError as error:
        raise ModelRefused(
            f"tuning needs PyTorch and onnx ({error})", next_step="pip install 'temwatch[train]'"
        ) from error
    from temwatch.store.weights import chosen_finder, load_weights

    where = shelf or _shelf(ctx, config)
    frames = [frame for source in sources for frame in _frames(source, set_name)]
    if only:
        frames = _only(frames, only)
    parent = weights or chosen_finder(where)
    lesson = Lesson(seed=seed, steps=steps, short=short)
    outcome = tune_weights(
        load_weights(parent, "fp32"),
        frames,
        lesson,
        unmarked=[image for path in unmarked for image in _images(path)],
        say=lambda said: click.echo(said, err=True),
    )
    verdict = outcome.verdict
    folder = shelve(parent, outcome, frames, lesson, where) if verdict.share else None
    said = {"weights": str(folder) if folder else None, "share": verdict.share, "gate": verdict.sentence}
    click.echo(json.dumps(said, indent=2))
    return 0


@click.command("list")
@_SHELF
@config_option()
@click.pass_context
def list_(ctx: click.Context, shelf: Path | None, config: str | None) -> int:
    """List the weights there are, and mark those in use; changes hold from the next start of the daemon."""
    from temwatch.store.weights import card_of, chosen_finder, shelved, shipped_finder

    where = shelf or _shelf(ctx, config)
    used = chosen_finder(where)
    for folder in (shipped_finder(), *shelved(where)):
        try:
            card = card_of(folder)
        except ModelRefused as refusal:
            click.echo(f"  {folder.name[:12]}  damaged: {refusal.message}")
            continue
        tuning = card.get("tuning")
        what = f"from {tuning['parent'][:12]}: {tuning['gate']}" if tuning else card.get("data", "")
        name = _SHIPPED if folder == shipped_finder() else folder.name[:12]
        click.echo(f"{'*' if folder == used else ' '} {name:12}  {what}")
    return 0


@click.command("use")
@click.argument("name")
@_SHELF
@config_option()
@click.pass_context
def use(ctx: click.Context, name: str, shelf: Path | None, config: str | None) -> int:
    """Make weights the ones in use: NAME as `temwatch finder list` gives it, "shipped" for those of the package.

    The daemon takes them up when it starts next.
    """
    from temwatch.store.weights import choose_finder

    where = shelf or _shelf(ctx, config)
    folder = choose_finder(where, None if name == _SHIPPED else name)
    click.echo(f"in use from the next start of the daemon: {folder}")
    return 0


def _shelf(ctx: click.Context, config: str | None) -> Path:
    if config_path(ctx, config) is None:
        raise PermanentError(
            "no configuration, so no state folder to keep weights in",
            next_step="name one with -c, or pass --shelf",
        )
    return settings_of(ctx, config).state.dir / "finder"


def _frames(source: Path, set_name: str | None) -> "list[ReviewedFrame]":
    from temwatch.learn.marked_frames import SETS as KNOWN
    from temwatch.learn.reviewed_folder import read_reviewed
    from temwatch.learn.reviewed_frames import reviewed_whole

    if source.is_file():
        return list(read_reviewed(source))
    name = set_name or source.name
    if name not in KNOWN:
        raise PermanentError(
            f"{source}: no set is called {name!r}",
            next_step=f"pass --set, one of {', '.join(KNOWN)}, or a JSON file of reviews",
        )
    return [reviewed_whole(frame) for frame in KNOWN[name](source)]


def _images(path: Path) -> "list[NDArray[Any]]":
    from temwatch.reading.reader import read_frames

    return [frame.image for frame in read_frames(path.resolve())]


def _only(frames: "Sequence[ReviewedFrame]", names: Sequence[str]) -> "list[ReviewedFrame]":
    missing = sorted(set(names) - {frame.name for frame in frames})
    if missing:
        raise PermanentError(
            f"no frame is called {', '.join(missing)}",
            next_step=f"there are {', '.join(sorted(frame.name for frame in frames))}",
        )
    return [frame for frame in frames if frame.name in names]
