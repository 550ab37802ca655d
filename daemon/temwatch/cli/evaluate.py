"""`temwatch evaluate`: recognition methods side by side on an atlas, with the intervals that belong to such figures."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from temwatch.learn.atlas import Atlas


@click.command()
@click.option(
    "--atlas",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Labelled images: class folders with masks, or images/ beside boxes/, labels/ or ellipses/. "
    "Default: the simulator.",
)
@click.option("--classes", help="Only these, separated by commas.")
@click.option("--one-per-image", is_flag=True, help="Only the largest object of every image.")
@click.option(
    "--nm-per-px",
    type=click.FloatRange(min=0, min_open=True),
    help="Of the atlas; without it size says nothing.",
)
@click.option("--simulate", type=click.Choice(["easy", "mixed"]), default="mixed", show_default=True)
@click.option("--specimens", type=click.IntRange(min=3), default=30, show_default=True, help="To simulate.")
@click.option("--method", "methods", multiple=True, default=("all",), show_default=True, help="Repeatable.")
@click.option("--train", type=click.IntRange(min=6), default=120, show_default=True)
@click.option("--test", type=click.IntRange(min=3), default=60, show_default=True)
@click.option("--repeats", type=click.IntRange(min=2), default=25, show_default=True)
@click.option(
    "--split",
    type=click.Choice(["random", "group", "both"]),
    default="both",
    show_default=True,
    help="Hold rows out at random, or whole groups: specimens, else images.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--paper",
    is_flag=True,
    help="The paper's own experiment (180 objects, 120 to learn from), its claims beside what comes out.",
)
@click.option(
    "--doubtful",
    type=click.IntRange(min=1),
    help="Compare nothing: list so many labels that the rest of the atlas contradicts.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write everything as one page that needs nothing else.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def evaluate(
    folder: Path | None,
    classes: str | None,
    one_per_image: bool,
    nm_per_px: float | None,
    simulate: Any,
    specimens: int,
    methods: tuple[str, ...],
    train: int,
    test: int,
    repeats: int,
    split: str,
    seed: int,
    paper: bool,
    doubtful: int | None,
    html: Path | None,
    as_json: bool,
) -> int:
    """Compare recognition methods on repeated hold-outs of one atlas."""
    from threadpoolctl import threadpool_limits

    from temwatch.learn.comparison import compare
    from temwatch.learn.comparison_text import as_text, as_values, leakage, leakage_values
    from temwatch.recognition.methods import METHODS

    if html and (doubtful or paper):
        raise click.UsageError("--html shows the comparison: leave --doubtful and --paper out")
    if html and not html.absolute().parent.is_dir():
        raise click.UsageError(f"--html {html}: there is no such folder")
    chosen = tuple(METHODS) if "all" in methods else methods
    splits: Any = ("random", "group") if split == "both" else (split,)
    with threadpool_limits(limits=1), Progress(console=Console(stderr=True)) as bar:
        if folder is None:
            atlas = _simulated(bar, classes, simulate, specimens)
        else:
            atlas = _imported(folder, classes, one_per_image, nm_per_px)
        if doubtful:
            return _doubts(atlas, doubtful, as_json=as_json)
        if paper:
            return _paper(bar, atlas, repeats, seed, as_json=as_json)
        tables = [
            compare(
                atlas,
                methods=chosen,
                split=kind,
                train=train,
                test=test,
                repeats=repeats,
                seed=seed,
                progress=_line(bar, f"split: {kind}"),
            )
            for kind in splits
        ]
    if html:
        from temwatch.learn.comparison_page import as_page
        from temwatch.learn.label_doubts import doubts_about

        html.write_text(as_page(tables, doubts_about(atlas)), "utf-8")
    if as_json:
        told = [as_values(table) for table in tables]
        if len(tables) == 2:
            told[1]["random_minus_group"] = leakage_values(*tables)
        click.echo(json.dumps(told, indent=2, allow_nan=False))
        return 0
    click.echo("\n\n".join(as_text(table) for table in tables))
    if len(tables) == 2:
        click.echo("\n" + leakage(*tables))
    return 0


def _doubts(atlas: "Atlas", most: int, *, as_json: bool) -> int:
    from temwatch.learn.label_doubts import as_text, as_values, doubts_about

    found = doubts_about(atlas)
    click.echo(json.dumps(as_values(found, most), indent=2) if as_json else as_text(found, most))
    return 0


def _paper(bar: Progress, atlas: "Atlas", repeats: int, seed: int, *, as_json: bool) -> int:
    from temwatch.learn.comparison_text import as_text, as_values
    from temwatch.learn.paper import as_text as claims_as_text
    from temwatch.learn.paper import reproduce

    made = reproduce(atlas, repeats=repeats, seed=seed, progress=_line(bar, "the paper's experiment"))
    if as_json:
        values = {
            "claims": [asdict(claim) for claim in made.claims],
            "comparison": as_values(made.comparison),
        }
        click.echo(json.dumps(values, indent=2, allow_nan=False))
        return 0
    click.echo(f"{as_text(made.comparison)}\n\n{claims_as_text(made)}")
    return 0


def _line(bar: Progress, title: str) -> Callable[[int, int], None]:
    task = bar.add_task(title, total=None)

    def tell(done: int, of: int) -> None:
        bar.update(task, completed=done, total=of)

    return tell


def _names(classes: str | None) -> list[str] | None:
    return [name.strip() for name in classes.split(",")] if classes else None


def _imported(folder: Path, classes: str | None, one_per_image: bool, nm_per_px: float | None) -> "Atlas":
    from temwatch.learn.atlas import import_atlas

    atlas = import_atlas(folder, one_per_image=one_per_image, nm_per_px=nm_per_px)
    wanted = _names(classes)
    return atlas.only(wanted) if wanted else atlas


def _simulated(bar: Progress, classes: str | None, simulate: Any, specimens: int) -> "Atlas":
    from temwatch.learn.simulated_atlas import CLASSES, simulated_atlas
    from temwatch.work.task import finder_of

    return simulated_atlas(
        simulate,
        finder=finder_of({"method": "threshold", "sensitivity": 0.5}),
        specimens=specimens,
        classes=_names(classes) or CLASSES,
        progress=_line(bar, "simulated frames"),
    )
