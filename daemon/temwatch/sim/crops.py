"""Randomised pictures with exact labels to train a finder on; only what stands out of its surroundings is labelled."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, log_uniform, smooth, stream
from temwatch.sim.crop_grounds import Ground, ground
from temwatch.sim.crop_imaging import Exposed, ToneCurve, expose, recorded
from temwatch.sim.crop_lines import cracks, dislocations
from temwatch.sim.crop_objects import Drawn, Population, draw, places, population

Grey = NDArray[np.float32]

SIDE_PX = 256
# An object is visible when its contrast (root mean square inside) is at least so many times that of the
# structure around it ...
_CONTRAST = 1.5
# ... and its signal over all its pixels so many times the noise: 5 after Rose, J. Opt. Soc. Am. 38 (1948) 196.
_ROSE = 5.0
_NOISE_CONTRAST = 0.5  # ... and no less than half the noise of one pixel,
_GREYS = 6.0  # ... and at least so many grey values of 255.
_LINE_CONTRAST = 2.0  # A line's height over structure and noise together.
_FLOOR = 0.08  # structure of a featureless ground, for amplitudes to refer to


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """A picture to learn from.

    Attributes
    ----------
    image : ndarray of uint8, shape (row, col)
    objects : ndarray of int32, shape (row, col)
        0 outside, 1..n inside the compact objects; numbers may be missing.
    lines : ndarray of bool, shape (row, col)
        Cracks and dislocations.
    ignored : ndarray of bool, shape (row, col)
        Drawn, but too faint to be asked for.
    """

    image: NDArray[np.uint8]
    objects: NDArray[np.int32]
    lines: NDArray[np.bool_]
    ignored: NDArray[np.bool_]


@dataclass(slots=True)
class _Scene:
    """A specimen while it is being put together."""

    ground: Ground
    tone: Grey
    objects: NDArray[np.int32]
    lines: Grey
    signals: dict[int, tuple[Drawn, float]] = field(default_factory=dict)


def crop(seed: int, index: int, *, side: int = SIDE_PX) -> Crop:
    """Return the training crop of a number.

    Parameters
    ----------
    seed, index : int
        The same two give the same crop, whatever was drawn before.
    side : int
        Of the square, in px.
    """
    rng = stream("crop", seed, index)
    base = ground(rng, side)
    scene = _Scene(
        ground=base,
        tone=base.tone.copy(),
        objects=np.zeros((side, side), np.int32),
        lines=np.zeros((side, side), np.float32),
    )
    _add_objects_and_lines(rng, scene)
    blur_px = log_uniform(rng, 0.35, 1.8)
    structure = max(float((scene.tone - smooth(scene.tone, 6)).std()), 1e-3)
    exposed = expose(rng, scene.tone, base.matter, blur_px=blur_px, structure=structure)
    image, curve = recorded(rng, exposed, structure=structure)
    ignored = _faint(scene, exposed, curve, blur_px)
    objects, lines = scene.objects, np.abs(scene.lines) > 0
    return Crop(
        image=image,
        objects=objects,
        lines=lines & (objects == 0),
        ignored=ignored,
    )


def _add_objects_and_lines(rng: np.random.Generator, scene: _Scene) -> None:
    """Draw what is to be found: lines first, then up to two populations, or one packed lattice."""
    foil = scene.ground.specimen == "foil"
    contrast = float(rng.choice([-1.0, 1.0]) * log_uniform(rng, 1.8, 12))
    if foil and rng.random() < 0.35:
        _add_radiation_damage(rng, scene, contrast * 1.5)
        return
    packed = rng.random() < 0.14
    count = 1 if packed else int(rng.choice([0, 1, 1, 1, 2, 2]))
    kinds = [population(rng, packed=packed) for _ in range(count)]
    if rng.random() < {"foil": 0.6, "support": 0.15, "surface": 0.5}[scene.ground.specimen]:
        _add_lines(rng, scene, contrast, None)
    for kind in kinds:
        sign = rng.choice([-1.0, 1.0]) * log_uniform(rng, 1.6, 12)
        _add_population(rng, scene, kind, float(sign), packed=packed)


def _add_radiation_damage(rng: np.random.Generator, scene: _Scene, contrast: float) -> None:
    """Draw loops, dots and dislocations of one contrast: all three are the same strain field, seen from afar or near."""
    loops = population(rng, packed=False, profile="ring")
    dots = population(rng, packed=False, profile="dot")
    if rng.random() < 0.8:
        _add_lines(rng, scene, contrast, loops)
    if rng.random() < 0.85:
        _add_population(rng, scene, loops, contrast, packed=False)
    if rng.random() < 0.7:
        _add_population(rng, scene, dots, contrast * rng.uniform(0.5, 1.2), packed=False)


def _add_lines(rng: np.random.Generator, scene: _Scene, contrast: float, alike: Population | None) -> None:
    side = scene.tone.shape[0]
    soft = alike is not None or rng.random() < (0.8 if scene.ground.specimen == "foil" else 0.3)
    width = max(alike.ring_width * alike.radius_px, 1.3) if alike else log_uniform(rng, 1.5, 8)
    if soft:
        drawn = dislocations(rng, side, width_px=float(width), count=int(rng.integers(1, 22)))
    else:
        drawn = cracks(rng, side, width_px=float(width), count=int(rng.integers(1, 4)))
    drawn = as_float(drawn * scene.ground.matter)
    height = contrast * _structure(scene, 6.0)
    scene.tone = as_float(scene.tone + height * drawn)
    scene.lines = np.where(drawn > 0.35, np.float32(height) * drawn, np.float32(0))


def _add_population(
    rng: np.random.Generator, scene: _Scene, kind: Population, contrast: float, *, packed: bool
) -> None:
    side = scene.tone.shape[0]
    # Small objects are blurred more: they need more contrast to be seen at all.
    strength = abs(contrast) * (1 + 1.5 / max(kind.radius_px, 2.0))
    reference = _structure(scene, float(np.clip(1.2 * kind.radius_px, 4, 22)))
    centres, radii = places(rng, kind, scene.ground.matter, packed=packed)
    for centre, radius in zip(centres, radii, strict=True):
        drawn = draw(rng, kind, centre, float(radius), side)
        if drawn is None:
            continue
        taken = scene.objects[drawn.rows, drawn.cols]
        if np.count_nonzero((taken > 0) & drawn.inside) > kind.overlap * np.count_nonzero(drawn.inside):
            continue
        odd = -1.0 if rng.random() < 0.05 else 1.0
        height = odd * np.sign(contrast) * strength * reference * log_uniform(rng, 0.65, 1.5)
        scene.tone[drawn.rows, drawn.cols] += np.float32(height) * drawn.tone
        number = len(scene.signals) + 1
        scene.signals[number] = (drawn, float(height))
        taken[drawn.inside] = number


def _structure(scene: _Scene, scale_px: float) -> float:
    """Return the typical contrast of what is smaller than a scale, in the specimen, edges not counted."""
    return max(
        0.8 * float(np.median(_local_contrast(scene.tone, scale_px)[scene.ground.matter > 0.5])), _FLOOR
    )


def _local_contrast(tone: Grey, scale_px: float) -> Grey:
    """Return the local standard deviation of what is smaller than a scale, at every pixel."""
    fine = tone - smooth(tone, scale_px)
    return as_float(np.sqrt(smooth(as_float(fine * fine), max(scale_px, 8.0))))


def _faint(scene: _Scene, exposed: Exposed, curve: ToneCurve, blur_px: float) -> NDArray[np.bool_]:
    """Return where objects and lines were drawn that nobody could see."""
    around = _local_contrast(smooth(scene.ground.tone, blur_px), 10.0)
    size = np.abs(scene.lines)
    faint = (size > 0) & (size < _LINE_CONTRAST * np.hypot(around, exposed.sigma))
    faint |= (size > 0) & (_change(curve, exposed.clean, scene.lines) < _GREYS)
    for number, (drawn, height) in scene.signals.items():
        box = drawn.rows, drawn.cols
        mine = scene.objects[box] == number
        if mine.any() and _is_faint(drawn, height, mine, around[box], exposed, curve, blur_px):
            faint[box] |= mine
    return faint


def _is_faint(
    drawn: Drawn,
    height: float,
    mine: NDArray[np.bool_],
    around: Grey,
    exposed: Exposed,
    curve: ToneCurve,
    blur_px: float,
) -> bool:
    """Return whether one object fails to stand out of structure, of noise, or of the grey scale itself."""
    box = drawn.rows, drawn.cols
    seen = as_float(height * smooth(drawn.tone, blur_px))
    signal = _rms(seen[mine])
    noise = _rms(exposed.sigma[box][mine])
    greys = _rms(_change(curve, exposed.clean[box], seen)[mine])
    return (
        signal < _CONTRAST * _rms(around[mine])
        or signal < _NOISE_CONTRAST * noise
        or signal * np.sqrt(np.count_nonzero(mine)) < _ROSE * noise
        or greys < _GREYS
    )


def _change(curve: ToneCurve, clean: Grey, part: Grey) -> Grey:
    """Return by how many grey values the picture would differ without a part of it."""
    return as_float(np.abs(curve.grey(clean) - curve.grey(as_float(clean - part))))


def _rms(values: Grey) -> float:
    return float(np.sqrt(np.mean(values * values)))
