"""Randomised pictures with exact labels to train a finder on; only what stands out of its surroundings is labelled."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from temwatch.sim.chance import as_float, log_uniform, smooth, stream
from temwatch.sim.crop_grounds import Ground, ground
from temwatch.sim.crop_imaging import Exposed, ToneCurve, expose, recorded
from temwatch.sim.crop_lines import cracks, dislocations, network
from temwatch.sim.crop_objects import Population, draw, places, population

Grey = NDArray[np.float32]

SIDE_PX = 256
# What is drawn counts as visible where the finished picture follows it: correlation over a window of the object's
# own size, after smoothing away detail much finer than the object.
_AGREEMENT = 0.7
_LINE_AGREEMENT = 0.6
_LOST = 0.6  # where more of a population than this is too faint, so is the rest
_GREYS = 6.0  # It must change the picture by at least so many grey values of 255.
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


@dataclass(frozen=True, slots=True)
class _Layer:
    """Objects of one population, or lines: what they add to the tone, and their size."""

    signal: Grey
    inside: NDArray[np.int32]
    size_px: float
    is_line: bool = False


@dataclass(slots=True)
class _Scene:
    """A specimen while it is being put together."""

    ground: Ground
    tone: Grey
    objects: NDArray[np.int32]
    lines: NDArray[np.bool_]
    layers: list[_Layer] = field(default_factory=list)


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
        lines=np.zeros((side, side), bool),
    )
    _add_objects_and_lines(rng, scene)
    blur_px = log_uniform(rng, 0.35, 1.8)
    structure = max(float((scene.tone - smooth(scene.tone, 6)).std()), 1e-3)
    exposed = expose(rng, scene.tone, base.matter, blur_px=blur_px, structure=structure)
    image, curve = recorded(rng, exposed, structure=structure)
    return Crop(
        image=image,
        objects=scene.objects,
        lines=scene.lines & (scene.objects == 0),
        ignored=_faint(scene, image, exposed, curve, blur_px),
    )


def _add_objects_and_lines(rng: np.random.Generator, scene: _Scene) -> None:
    """Draw what is to be found: lines first, then up to two populations, or one packed lattice."""
    foil = scene.ground.specimen == "foil"
    contrast = float(rng.choice([-1.0, 1.0]) * log_uniform(rng, 2.5, 14))
    if foil and rng.random() < 0.35:
        _add_radiation_damage(rng, scene, contrast * 1.5)
        return
    packed = rng.random() < 0.14
    count = 1 if packed else int(rng.choice([0, 1, 1, 1, 2, 2]))
    support = scene.ground.specimen == "support"
    kinds = [population(rng, packed=packed, widest=0.75 if support else 0.5) for _ in range(count)]
    if rng.random() < {"foil": 0.6, "support": 0.15, "surface": 0.6}[scene.ground.specimen]:
        _add_lines(rng, scene, contrast, None)
    for kind in kinds:
        # Particles on a support mostly scatter more than it does.
        sign = (1.0 if support and rng.random() < 0.7 else rng.choice([-1.0, 1.0])) * log_uniform(
            rng, 2.2, 14
        )
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
    soft = alike is not None or rng.random() < (0.7 if scene.ground.specimen == "foil" else 0.25)
    width = (
        max(alike.ring_width * alike.radius_px, 1.3) if alike else log_uniform(rng, 1.5, 8 if soft else 12)
    )
    if soft and rng.random() < (0.15 if alike else 0.3):
        drawn = network(rng, side, width_px=float(width))
    elif soft:
        drawn = dislocations(rng, side, width_px=float(width), count=int(rng.integers(1, 22)))
    else:
        drawn = cracks(rng, side, width_px=float(width), count=int(rng.integers(1, 4)))
    drawn = as_float(drawn * scene.ground.matter)
    signal = as_float(contrast * _structure(scene, 6.0) * drawn)
    scene.tone = as_float(scene.tone + signal)
    scene.lines = drawn > 0.35
    scene.layers.append(_Layer(signal, scene.lines.astype(np.int32), max(float(width), 3.0), is_line=True))


def _add_population(
    rng: np.random.Generator, scene: _Scene, kind: Population, contrast: float, *, packed: bool
) -> None:
    side = scene.tone.shape[0]
    # Small objects are blurred more: they need more contrast to be seen at all.
    strength = abs(contrast) * (1 + 1.5 / max(kind.radius_px, 2.0))
    reference = _structure(scene, float(np.clip(1.2 * kind.radius_px, 4, 24)))
    signal = np.zeros_like(scene.tone)
    first = int(scene.objects.max()) + 1
    centres, radii = places(rng, kind, scene.ground.matter, packed=packed)
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True), first):
        drawn = draw(rng, kind, centre, float(radius), side)
        if drawn is None:
            continue
        taken = scene.objects[drawn.rows, drawn.cols]
        if np.count_nonzero((taken > 0) & drawn.inside) > kind.overlap * np.count_nonzero(drawn.inside):
            continue
        odd = -1.0 if rng.random() < 0.05 else 1.0
        thick = np.clip(radius / kind.radius_px, 0.3, 3) ** kind.thickening
        height = odd * np.sign(contrast) * strength * reference * thick * log_uniform(rng, 0.65, 1.5)
        signal[drawn.rows, drawn.cols] += np.float32(height) * drawn.tone
        taken[drawn.inside] = number
    scene.tone = as_float(scene.tone + signal)
    mine = np.where(scene.objects >= first, scene.objects, 0).astype(np.int32)
    scene.layers.append(_Layer(signal, mine, kind.radius_px))


def _structure(scene: _Scene, scale_px: float) -> float:
    """Return the contrast of what is smaller than a scale, in the specimen."""
    fine = scene.tone - smooth(scene.tone, scale_px)
    return max(0.8 * float(np.std(fine[scene.ground.matter > 0.5])), _FLOOR)


def _faint(
    scene: _Scene, image: NDArray[np.uint8], exposed: Exposed, curve: ToneCurve, blur_px: float
) -> NDArray[np.bool_]:
    """Return where objects and lines were drawn that nobody could see in the finished picture."""
    faint = np.zeros(scene.objects.shape, bool)
    with_all = curve.grey(exposed.clean)
    for layer in scene.layers:
        change = with_all - curve.grey(as_float(exposed.clean - smooth(layer.signal, blur_px)))
        agreement = _agreement(as_float(image), as_float(change), layer.size_px)
        if layer.is_line:
            faint |= (layer.inside > 0) & ((agreement < _LINE_AGREEMENT) | (np.abs(change) < _GREYS))
            continue
        of = layer.inside.ravel()
        pixels = np.maximum(np.bincount(of), 1)
        weak = np.bincount(of, agreement.ravel()) / pixels < _AGREEMENT
        weak |= np.sqrt(np.bincount(of, change.ravel() ** 2) / pixels) < _GREYS
        weak[0] = False
        drawn = np.unique(layer.inside)[1:]
        if len(drawn) and weak[drawn].mean() > _LOST:
            weak[drawn] = True  # the few that agree do so by chance
        faint |= weak[layer.inside] & (scene.objects == layer.inside)
    return faint


def _agreement(picture: Grey, change: Grey, size_px: float) -> Grey:
    """Return the local correlation of the picture with what was drawn into it.

    Parameters
    ----------
    picture, change : ndarray of float32, shape (row, col)
    size_px : float
        Radius of the objects or width of the lines.
    """
    detail_px, window_px = max(size_px / 6, 0.5), float(np.clip(size_px, 3, 24))
    seen, drawn = smooth(picture, detail_px), smooth(change, detail_px)
    seen, drawn = seen - smooth(seen, 3 * window_px), drawn - smooth(drawn, 3 * window_px)
    mean_seen, mean_drawn = smooth(seen, window_px), smooth(drawn, window_px)
    shared = smooth(seen * drawn, window_px) - mean_seen * mean_drawn
    power = (smooth(seen * seen, window_px) - mean_seen**2) * (
        smooth(drawn * drawn, window_px) - mean_drawn**2
    )
    return as_float(shared / np.sqrt(np.maximum(power, 1e-3)))
