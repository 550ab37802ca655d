"""How matter in the beam becomes intensity: mass-thickness, Z contrast, diffraction and Fresnel fringes.

Thickness is always that of matrix material scattering as much ("matrix nm"), so one map describes any mix.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from temwatch.model.frame import ImagingMode
from temwatch.sim.chance import as_float, smooth
from temwatch.sim.specimen import Specimen

# Electron wavelength at 300 kV, relativistic (METHOD.md, table 2).
WAVELENGTH_NM = 1.96875e-3

# Phase that a nanometre of oxide ceramic adds at 300 kV: interaction constant 6.53e-3 rad / (V nm) times a mean
# inner potential of about 17 V (Reimer & Kohl, "Transmission Electron Microscopy", 5th ed., 2008, ch. 3).
PHASE_RAD_PER_NM = 0.111

# HAADF intensity of one atom goes with this power of Z (Pennycook & Jesson, Ultramicroscopy 37, 1991, give 2
# for unscreened atoms; 1.6 to 1.9 is what detectors see).
_HAADF_POWER = 1.7

# Elastic cross-section of one atom goes with this power of Z (Lenz model, Reimer & Kohl, ch. 5).
_ELASTIC_POWER = 4.0 / 3.0

# Of Bragg scattering, how much reaches an annular detector at high angles.
_CHANNELLING = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """A material against the matrix: both ratios are 1 for the matrix itself."""

    density_ratio: float
    z_ratio: float

    def scattering_ratio(self, mode: ImagingMode) -> float:
        """Return how much a nanometre of it scatters, in nanometres of matrix.

        Atoms per volume go with density over Z (mass number is about proportional to Z).
        """
        power = _HAADF_POWER if mode is ImagingMode.HAADF else _ELASTIC_POWER
        return float(self.density_ratio * self.z_ratio ** (power - 1.0))


def intensity(
    specimen: Specimen, mass_nm: NDArray[np.float32], diffraction: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the mean number of electrons per electron sent, without light field, blur and noise.

    Parameters
    ----------
    specimen : Specimen
        For mode, mean free path, defocus and pixel size.
    mass_nm : ndarray of float32, shape (row, col)
        Thickness in matrix nm; not negative.
    diffraction : ndarray of float32, shape (row, col)
        Electrons lost to Bragg beams, as a natural logarithm.

    Returns
    -------
    ndarray of float32, shape (row, col)
        BF: exp(-t/L - d), with fringes. DF: what BF lost. HAADF: proportional to t, a third of the electrons at
        the foil's mean thickness.
    """
    if specimen.mode is ImagingMode.HAADF:
        return mass_nm * (1 + np.float32(_CHANNELLING) * diffraction) * np.float32(0.33 / specimen.foil_nm)
    lost = np.maximum(mass_nm / np.float32(specimen.free_path_nm) + diffraction, 0)
    passed = np.exp(-lost)
    if specimen.mode is ImagingMode.DF:
        return as_float(1 - passed)
    return as_float(passed * fresnel(mass_nm, defocus_nm=specimen.defocus_nm, nm_per_px=specimen.nm_per_px))


def fresnel(mass_nm: NDArray[np.float32], *, defocus_nm: float, nm_per_px: float) -> NDArray[np.float32]:
    """Return the factor by which defocus changes the intensity at edges and on rough surfaces.

    To first order in defocus, I = I0 (1 - df lambda / (2 pi) laplacian(phase)): the transport of intensity
    equation (Teague, J. Opt. Soc. Am. 73, 1983, eq. 7). Underfocus (df < 0) draws a bright line on the thin side
    of an edge, overfocus a dark one. Limited source coherence is a Gaussian of 0.8 px before the Laplacian;
    the factor is kept within 0.4 and 1.8, where the first order ends.
    """
    kernel = np.array([[1, 4, 1], [4, -20, 4], [1, 4, 1]], np.float32) / np.float32(6)
    bend = as_float(cv2.filter2D(smooth(mass_nm, 0.8), cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT))
    strength = defocus_nm * WAVELENGTH_NM / (2 * np.pi) * PHASE_RAD_PER_NM / nm_per_px**2
    return as_float(np.clip(1 - np.float32(strength) * bend, 0.4, 1.8))
