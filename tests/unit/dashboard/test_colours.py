"""Class colours and themes, for every kind of colour vision."""

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.color import deltaE_ciede2000, rgb2lab

STATIC = files("temwatch.dashboard") / "static"

# G. M. Machado, M. M. Oliveira, L. A. F. Fernandes, IEEE Trans. Vis. Comput. Graph. 15 (2009) 1291, table of the
# matrices for severity 1.0; they act on linear RGB.
VISION = {
    "all": np.eye(3),
    "no red cones": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green cones": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "no blue cones": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}
# Side by side 2.3 is just noticeable (M. Mahy et al., Color Res. Appl. 19 (1994) 105); apart, and as thin lines,
# it takes several times that.
TELLS_APART = 9.0


def styles() -> dict[str, tuple[str, str]]:
    text = (STATIC / "classes.js").read_text("utf-8")
    found = re.findall(r'(\w+): \{ colour: "(#[0-9a-f]{6})", dash: "([^"]*)" \}', text)
    return {name: (colour, dash) for name, colour, dash in found}


def linear(colour: str) -> NDArray[np.float64]:
    """Return linear RGB of an sRGB colour (IEC 61966-2-1)."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def seen(colour: str, vision: NDArray[np.float64]) -> NDArray[np.float64]:
    light = np.clip(vision @ linear(colour), 0, 1)
    srgb = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    lab: NDArray[np.float64] = rgb2lab(srgb)
    return lab


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio of two colours (WCAG 2.2)."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    light, dark = sorted((float(weights @ linear(one)) for one in (first, second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_class_of_the_paper_has_a_style() -> None:
    assert set(styles()) >= {"pore", "crack", "slag_inclusion", "looseness", "particle", "artefact"}


def test_no_two_classes_have_the_same_line_pattern() -> None:
    dashes = [dash for _, dash in styles().values()]
    assert len(set(dashes)) == len(dashes)


@pytest.mark.parametrize("vision", VISION)
def test_class_colours_can_be_told_apart(vision: str) -> None:
    colours = {name: seen(colour, VISION[vision]) for name, (colour, _) in styles().items()}
    distances = {(a, b): float(deltaE_ciede2000(colours[a], colours[b])) for a, b in combinations(colours, 2)}
    assert min(distances.values()) > TELLS_APART, sorted(distances.items(), key=lambda one: one[1])[:3]


def test_class_colours_stand_out_from_their_dark_halo() -> None:
    assert min(contrast(colour, "#000000") for colour, _ in styles().values()) >= 3.0  # WCAG 2.2, 1.4.11


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="light"] {'])
@pytest.mark.parametrize("word", ["text", "soft", "accent", "good", "warn", "bad"])
@pytest.mark.parametrize("ground", ["ground", "panel", "raised"])
def test_text_is_readable_in_both_themes(theme: str, word: str, ground: str) -> None:
    css = (STATIC / "style.css").read_text("utf-8")
    block = css[css.index(theme) :]
    values = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", block[: block.index("}")]))
    assert contrast(values[word], values[ground]) >= 4.5
