"""`temwatch atlas`: labelled images in from any layout, kept as a plain COCO data set, and out for people and programs."""

import json
from collections import Counter
from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group()
def atlas() -> None:
    """Import, look at and export labelled images."""


@atlas.command("import")
@click.argument("source", type=_FOLDER)
@click.option(
    "--into", "target", required=True, type=click.Path(path_type=Path, file_okay=False), help="A new folder."
)
@click.option("--classes", help="The only ones there may be, comma-separated; another one is an error.")
def import_(source: Path, target: Path, classes: str | None) -> int:
    """Copy the labelled images of SOURCE into a COCO data set: masks, VOC or YOLO boxes, ellipses, or COCO again."""
    from temwatch.learn.atlas_folder import write_atlas
    from temwatch.learn.labelled_images import known_only, read_labelled

    allowed = [name.strip() for name in classes.split(",")] if classes else None
    made = write_atlas(known_only(read_labelled(source), allowed), target)
    click.echo(f"{target}: {made.images} images, {sum(made.objects.values())} objects")
    for name, count in made.objects.items():
        click.echo(f"  {name:<20}{count:>7}")
    for count, what in ((made.copies, "copies of others left out"), (made.unmarked, "with nothing marked")):
        if count:
            click.echo(f"  {count} images {what}")
    return 0


@atlas.command("show")
@click.argument("folder", type=_FOLDER)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def show(folder: Path, as_json: bool) -> int:
    """Measure the labelled images of FOLDER and say what is in them, by class and by group."""
    from temwatch.learn.atlas import import_atlas
    from temwatch.vision.features import FEATURE_SET

    measured = import_atlas(folder)
    groups = {
        name: len({g for c, g in zip(measured.classes, measured.groups, strict=True) if c == name})
        for name in measured.rows_by_class
    }
    if as_json:
        said = {
            "name": measured.name,
            "digest": measured.digest,
            "feature_set": FEATURE_SET,
            "features": len(measured.feature_names),
            "classes": {
                name: {"objects": n, "groups": groups[name]} for name, n in measured.rows_by_class.items()
            },
            "groups": len(set(measured.groups)),
            "largest_group": Counter(measured.groups).most_common(1)[0][1],
            "notes": list(measured.notes),
        }
        click.echo(json.dumps(said, indent=1))
        return 0
    click.echo(f"{measured.name}: {len(measured.classes)} objects of {len(set(measured.groups))} groups")
    click.echo(f"digest {measured.digest}, {len(measured.feature_names)} features")
    for name, n in measured.rows_by_class.items():
        click.echo(f"  {name:<20}{n:>7} objects of {groups[name]} groups")
    for note in measured.notes:
        click.echo(f"  {note}")
    return 0


@atlas.command("export")
@click.argument("folder", type=_FOLDER)
@click.option("--format", "kind", type=click.Choice(["coco", "csv", "contact-sheet"]), required=True)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="A new folder for coco, else a file.",
)
def export(folder: Path, kind: str, output: Path) -> int:
    """Write the labelled images of FOLDER as COCO, their features as a table, or examples of every class as a picture."""
    from temwatch.learn.atlas import import_atlas
    from temwatch.learn.atlas_folder import as_csv, contact_sheet, write_atlas
    from temwatch.learn.labelled_images import read_labelled

    if kind != "coco" and not output.absolute().parent.is_dir():
        raise click.UsageError(f"-o {output}: there is no such folder")
    if kind == "coco":
        write_atlas(read_labelled(folder), output)
    elif kind == "csv":
        output.write_text(as_csv(import_atlas(folder)), "utf-8")
    else:
        output.write_bytes(contact_sheet(folder))
    click.echo(str(output))
    return 0
