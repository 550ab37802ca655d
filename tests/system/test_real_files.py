"""Two roots, real instrument files, and people who copy, rename, truncate, replace and delete while it runs."""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from system.site import Site, ends

MakeSite = Callable[..., Site]
_SUFFIXES = (".dm3", ".dm4", ".emd", ".ser", ".tif", ".hspy", ".bcf")


def frames_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in _SUFFIXES)


def copy_slowly(source: Path, target: Path, site: Site, *, pieces: int = 4) -> None:
    """Copy in pieces; between them the daemon answers, so it has had its turn."""
    data = source.read_bytes()
    step = max(1, len(data) // pieces)
    with target.open("wb", buffering=0) as file:
        for start in range(0, len(data), step):
            file.write(data[start : start + step])
            site.status()


@pytest.mark.timeout(300)
def test_every_frame_revision_has_exactly_one_end(
    make_site: MakeSite, data_dir: Path, tmp_path: Path
) -> None:
    site = make_site("titan", "talos", give_up_s=2.0)
    sources = frames_of(data_dir / "formats")
    site.start()
    titan, talos = site.folder / "titan", site.folder / "talos"
    for source in sources:
        copy_slowly(source, titan / source.name, site)
    tree = tmp_path / "session"
    shutil.copytree(data_dir / "formats" / "tia", tree / "tia")
    shutil.copytree(data_dir / "formats" / "gatan", tree / "gatan")
    os.rename(tree, talos / "session")  # noqa: PTH104  the move of a whole tree is the point
    site.until(site.settled, timeout_s=120)

    whole = next(path for path in sources if path.suffix == ".dm4")
    (talos / "cut.dm4").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    other = next(path for path in sources if path.suffix == ".hspy")
    shutil.copy(other, titan / "replaced.hspy")
    ended = lambda name: any(m.body["path"] == name for m in ends(site.history("tw1/")))  # noqa: E731
    site.until(lambda: ended("replaced.hspy") and ended("cut.dm4"), timeout_s=120)
    shutil.copy(data_dir / "formats" / "ncem" / "Acquisition_18.emd", titan / "replaced.hspy")
    (titan / whole.name).unlink()
    site.until(
        lambda: site.settled() and any(m.body["revision"] == 2 for m in ends(site.history("tw1/"))),
        timeout_s=120,
    )

    history = site.history()
    accounted = Counter(
        (m.body["root"], m.body["path"], m.body["z"], m.body["revision"]) for m in ends(history)
    )
    assert set(accounted.values()) == {1}
    ids = Counter(m.body["frame_id"] for m in ends(history))
    assert set(ids.values()) == {1}
    reported = {(m.body["root"], m.body["path"]) for m in ends(history)}
    on_disk = {("titan", path.name) for path in sources}
    on_disk |= {("talos", str(path.relative_to(talos))) for path in frames_of(talos)}
    assert on_disk <= reported
    ledger = site.status()["ledger"]
    for root in ("titan", "talos"):
        counts = ledger[root]
        assert counts["seen"] == sum(counts[key] for key in ("done", "queued", "held", "set_aside", "gone"))
    assert [m.header.seq for m in history] == list(range(1, len(history) + 1))
    assert site.stop() == 0


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_file_cut_off_anywhere_is_set_aside_and_the_next_one_inspected(
    make_site: MakeSite, data_dir: Path, share: float
) -> None:
    site = make_site(give_up_s=0.5)
    site.start()
    source = data_dir / "formats" / "gatan" / "JEOL HAADF Image.dm4"
    data = source.read_bytes()
    (site.folder / "titan" / "cut.dm4").write_bytes(data[: int(len(data) * share)])
    shutil.copy(source, site.folder / "titan" / "whole.dm4")
    site.until(lambda: site.status()["ledger"]["titan"]["done"] == 1)
    if share > 0:  # an empty file is a placeholder, held until something is in it
        site.until(lambda: site.status()["ledger"]["titan"]["set_aside"] == 1)
    assert site.status()["state"] == "ready"
