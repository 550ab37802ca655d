"""A specimen: everything that frames of one piece of material, taken in one session, have in common."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from temwatch.errors import PermanentError
from temwatch.model.frame import ImagingMode
from temwatch.sim.chance import log_uniform, stream

CLASSES = ("pore", "crack", "slag_inclusion", "looseness", "particle")
MODES = (ImagingMode.BF, ImagingMode.DF, ImagingMode.HAADF)


class CannotSimulate(PermanentError):
    """The simulated microscope has no such imaging mode, class, format or way of writing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the defects of one specimen tend to look.

    Attributes
    ----------
    size : float
        Factor on the sizes drawn for pores and slag, 1 for a common specimen; sizes stay in their range.
    depth : float
        Factor on how much of the foil a defect replaces.
    faceted : float
        Share of pores with crystal facets in place of a round outline, in [0, 1].
    ragged : float
        How irregular outlines of slag are (standard deviation of the radius over its mean).
    wander : float
        How much a crack turns, in radians per step.
    filled_cracks, filled_pores : float
        Share of them that hold dense residue of milling and polishing, in [0, 1].
    """

    size: float
    depth: float
    faceted: float
    ragged: float
    wander: float
    filled_cracks: float
    filled_pores: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Specimen:
    """One piece of material and the settings it is looked at with.

    Attributes
    ----------
    seed : int
    mode : ImagingMode
        BF, DF or HAADF.
    nm_per_px : float
    dose_e_px : float
        Electrons per pixel through vacuum.
    defocus_nm : float
        Negative is underfocus. Fringes show in bright field only.
    foil_nm : float
        Mean thickness.
    free_path_nm : float
        Thickness of matrix that takes 1 - 1/e of the electrons out of the bright field.
    grain_nm : float
        Typical grain diameter.
    grain_contrast, boundary_contrast, bend_contrast : float
        Extra scattering, as a natural logarithm of bright-field intensity, of grains against each other,
        of grain boundaries, and on bend contours.
    speckle_nm : float
        Roughness (one standard deviation) of the amorphous surface layers.
    illumination : float
        How uneven the beam is, as a fraction of its mean.
    blur_px : float
        Standard deviation of the optics' and detector's point spread before the electrons are counted.
    crosstalk_px : float
        The same after counting: it makes neighbouring noise alike, as scintillators do.
    dislocations_per_um2, curtain, foil_edge : float
        Dislocation lines; depth of milling stripes as a fraction of thickness; chance that a frame shows
        the edge of the foil.
    row_noise : float
        Relative jitter from scan line to scan line; 0 where the beam is not scanned.
    counts_per_electron, offset_counts : float
        The detector's gain and dark level.
    class_share : mapping of str to float
        How often each class occurs; sums to 1.
    habits : Habits
    """

    seed: int
    mode: ImagingMode
    nm_per_px: float
    dose_e_px: float
    defocus_nm: float
    foil_nm: float
    free_path_nm: float
    grain_nm: float
    grain_contrast: float
    boundary_contrast: float
    bend_contrast: float
    speckle_nm: float
    illumination: float
    blur_px: float
    crosstalk_px: float
    dislocations_per_um2: float
    curtain: float
    foil_edge: float
    row_noise: float
    counts_per_electron: float
    offset_counts: float
    habits: Habits
    class_share: Mapping[str, float] = field(default_factory=dict)

    @property
    def specimen_id(self) -> str:
        """A name for people and for file names."""
        return f"specimen-{self.seed:05d}"

    @property
    def scanned(self) -> bool:
        """Whether the beam is scanned (STEM)."""
        return self.mode is not ImagingMode.BF


def draw_specimen(seed: int, *, mode: ImagingMode | None = None, hard: bool = True) -> Specimen:
    """Return the specimen of this seed.

    Parameters
    ----------
    seed : int
        Not negative.
    mode : ImagingMode, optional
        BF, DF or HAADF. Absent: hard specimens are 60 % BF, 25 % HAADF and 15 % DF; easy ones BF.
    hard : bool
        Low dose, strong grains and mixed modes; False gives clean bright-field frames.

    Raises
    ------
    CannotSimulate
        For any other mode.

    Notes
    -----
    Pixel size, dose, speckle, illumination, blur and the share of modes have the ranges of the benchmark the
    recognizers were compared on.
    """
    rng = stream("specimen", seed)
    drawn_mode = _draw_mode(rng, hard)
    chosen = drawn_mode if mode is None else mode
    if chosen not in MODES:
        raise CannotSimulate(
            f"no simulation of {chosen.value} images", next_step="Choose one of BF, DF and HAADF."
        )
    dose = log_uniform(rng, 60, 900) if hard else log_uniform(rng, 300, 2000)
    grain = rng.uniform(0.04, 0.17) if hard else rng.uniform(0.02, 0.08)
    scanned = chosen is not ImagingMode.BF
    return Specimen(
        seed=seed,
        mode=chosen,
        nm_per_px=round(float(rng.uniform(2.2, 3.4)), 4),
        dose_e_px=dose,
        defocus_nm=float(rng.choice([-1.0, 1.0])) * log_uniform(rng, 300, 4000),
        foil_nm=float(rng.uniform(70, 170)),
        free_path_nm=float(rng.uniform(110, 220)),
        grain_nm=log_uniform(rng, 450, 1600),
        grain_contrast=float(grain),
        boundary_contrast=float(rng.uniform(-0.04, 0.12)) if rng.random() < 0.6 else 0.0,
        bend_contrast=float(grain) * float(rng.uniform(0.5, 2.5)),
        speckle_nm=float(rng.uniform(0.6, 3.0)),
        illumination=float(rng.uniform(0.05, 0.3)),
        blur_px=float(rng.uniform(0.7, 1.5)),
        crosstalk_px=float(rng.uniform(0.3, 0.55)),
        dislocations_per_um2=log_uniform(rng, 0.2, 3.0) if hard and rng.random() < 0.4 else 0.0,
        curtain=float(rng.uniform(0.01, 0.06)) if hard and rng.random() < 0.25 else 0.0,
        foil_edge=0.5 if hard and rng.random() < 0.2 else 0.0,
        row_noise=float(rng.uniform(0.001, 0.012)) if scanned else 0.0,
        counts_per_electron=log_uniform(rng, 8, 30),
        offset_counts=float(rng.uniform(100, 900)),
        habits=_draw_habits(stream("habits", seed)),
        class_share=_draw_class_share(stream("classes", seed)),
    )


def _draw_mode(rng: np.random.Generator, hard: bool) -> ImagingMode:
    toss = rng.random()
    if not hard or toss < 0.60:
        return ImagingMode.BF
    return ImagingMode.HAADF if toss < 0.85 else ImagingMode.DF


def _draw_habits(rng: np.random.Generator) -> Habits:
    return Habits(
        size=float(rng.uniform(0.75, 1.3)),
        depth=float(rng.uniform(0.7, 1.3)),
        faceted=float(rng.uniform(0.0, 0.7)),
        ragged=float(rng.uniform(0.10, 0.30)),
        wander=float(rng.uniform(0.08, 0.24)),
        filled_cracks=float(rng.uniform(0.05, 0.35)),
        filled_pores=float(rng.uniform(0.0, 0.25)),
    )


def _draw_class_share(rng: np.random.Generator) -> dict[str, float]:
    shares = rng.dirichlet([4.0, 3.0, 3.5, 2.5, 1.8])
    return dict(zip(CLASSES, (float(share) for share in shares), strict=True))
