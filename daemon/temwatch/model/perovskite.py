"""Two numbers that say whether ions of given radii make a perovskite ABX3: the tolerance and the octahedral factor."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Perovskite:
    """Factors of a compound ABX3 (B in the centre of an octahedron of X, A in the cage between octahedra).

    Attributes
    ----------
    tolerance : float
        Goldschmidt's (r_A + r_X) / (sqrt(2) (r_B + r_X)); the paper's equation 12.
    octahedral : float
        r_B / r_X; the paper's equation 13, which prints another denominator.
    """

    tolerance: float
    octahedral: float

    @property
    def in_halide_window(self) -> bool:
        """Whether halides with these factors form perovskites: 0.81 < t < 1.11 and 0.44 < mu < 0.90.

        Li et al., Acta Crystallographica B64 (2008) 702. For halides; CaTiO3, an oxide, lies outside and exists.
        """
        return 0.81 < self.tolerance < 1.11 and 0.44 < self.octahedral < 0.90


def perovskite(a_nm: float, b_nm: float, x_nm: float) -> Perovskite:
    """Return the factors from the ionic radii of A, B and X, in one unit, whichever.

    Raises
    ------
    ValueError
        A radius is not positive and finite.
    """
    for name, radius in (("A", a_nm), ("B", b_nm), ("X", x_nm)):
        if not (math.isfinite(radius) and radius > 0):
            raise ValueError(f"the radius of {name} is {radius}; it must be positive")
    return Perovskite(tolerance=(a_nm + x_nm) / (math.sqrt(2) * (b_nm + x_nm)), octahedral=b_nm / x_nm)
