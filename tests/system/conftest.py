"""Sites with real daemons."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from system.site import Site


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Make a site; its daemon is stopped at the end."""
    made: list[Site] = []

    def make(*roots: str, **settings: float) -> Site:
        folder = tmp_path / f"site{len(made)}"
        folder.mkdir()
        made.append(Site(folder, roots or ("titan",), **settings))
        return made[-1]

    yield make
    for site in made:
        if site.process is not None and site.process.poll() is None:
            site.kill()
