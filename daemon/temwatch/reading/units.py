"""Units of length, as the many programs beside a microscope spell them, in nanometres."""

_NM = {
    "m": 1e9, "meter": 1e9, "meters": 1e9, "metre": 1e9, "metres": 1e9,
    "cm": 1e7, "centimeter": 1e7, "mm": 1e6, "millimeter": 1e6,
    "um": 1e3, "µm": 1e3, "μm": 1e3, "micron": 1e3, "microns": 1e3, "micrometer": 1e3, "micrometre": 1e3,
    "nm": 1.0, "nanometer": 1.0, "nanometers": 1.0, "nanometre": 1.0,
    "a": 0.1, "å": 0.1, "ang": 0.1, "angstrom": 0.1, "angstroms": 0.1, "ångström": 0.1,
    "pm": 1e-3, "picometer": 1e-3,
}  # fmt: skip
_ENERGY = frozenset(["ev", "kev", "mev"])
_ANGLE = frozenset(["mrad", "rad", "µrad", "deg", "degree", "degrees", "°"])


def nm_per(unit: str) -> float | None:
    """Return how many nm one `unit` is, or None where it is no unit of length."""
    return _NM.get(_plain(unit))


def is_reciprocal(unit: str) -> bool:
    """Whether `unit` is one over a length (``1/nm``, ``nm^-1``, ``1 / µm``): a diffraction pattern or transform."""
    text = _plain(unit)
    if text.startswith("1/"):
        return text[2:] in _NM
    return any(text.endswith(power) and text[: -len(power)] in _NM for power in ("^-1", "**-1", "⁻¹", "-1"))


def is_energy(unit: str) -> bool:
    """Whether `unit` is one of energy: an axis of a spectrum."""
    return _plain(unit) in _ENERGY


def is_angle(unit: str) -> bool:
    """Whether `unit` is one of angle: for an image axis, a diffraction pattern; for a stack axis, tilt."""
    return _plain(unit) in _ANGLE


def _plain(unit: str) -> str:
    text = unit.strip().strip("\0").strip("[]").replace(" ", "")
    # EMD of Berkeley writes `[n_m]` for nm.
    return text.lower().replace("_", "")
