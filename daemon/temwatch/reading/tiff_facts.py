"""What the makers of microscopes and cameras write into their TIFFs: pixel size, mode, time.

Resolution in dots per inch is never believed: it describes paper.
"""

import re
from collections.abc import Callable
from typing import Any

from temwatch.model.frame import ImagingMode
from temwatch.reading import calibration, modes, moments, units, xml
from temwatch.reading.contents import Facts, ModeWord, PixelSize
from temwatch.reading.source import Source
from temwatch.reading.tiff_pages import Page, Tag, text, values

# Scanning electron microscopes end at 30 kV, transmission microscopes begin at 40 (few) or 60.
_FASTEST_SEM_V = 35_000.0
_DESCRIPTION, _MAKE, _DATE = 270, 271, 306
_X_RESOLUTION, _Y_RESOLUTION, _RESOLUTION_UNIT, _INCH = 282, 283, 296, 2
_IMAGEJ_LINE = re.compile(r"^(\w+)=(.*)$", re.MULTILINE)


def facts(source: Source, page: Page) -> Facts:
    """Return what the tags of `page` say: calibrated axes first, then the vendors' tags in the order below."""
    found = [
        read(source, page)
        for tag, read in _PLACES
        if tag in page.tags
    ]  # fmt: skip
    return _merged(found)


def _merged(found: list[Facts]) -> Facts:
    metadata: dict[str, Any] = {}
    for one in reversed(found):
        metadata |= one.metadata
    return Facts(
        pixel_sizes=tuple(size for one in found for size in one.pixel_sizes),
        modes=tuple(mode for one in found for mode in one.modes),
        acquired_at=next((one.acquired_at for one in found if one.acquired_at), None),
        metadata=metadata,
    )


def _gatan(source: Source, page: Page) -> Facts:
    """Gatan's axis tags: units 65003 and 65004, scales 65009 and 65010 (columns first)."""
    sizes = []
    for unit_code, scale_code in ((65004, 65010), (65003, 65009)):
        unit = nm = None
        if unit_code in page.tags and scale_code in page.tags:
            unit = text(source, page.tags[unit_code])
            nm = units.nm_per(unit)
        if unit is not None and units.is_reciprocal(unit):
            return Facts(modes=_sure(ImagingMode.DIFFRACTION, "Gatan axis tags"))
        scale = _number(source, page, scale_code)
        if nm is None or scale is None:
            return Facts()
        sizes.append(scale * nm)
    return Facts(pixel_sizes=calibration.pixel_size(sizes[0], sizes[1], "Gatan axis tags"))


def _description(source: Source, page: Page) -> Facts:
    """Read the description tag: ImageJ's lines, OME's XML, or an operator's words."""
    said = text(source, page.tags[_DESCRIPTION])
    if said.startswith("ImageJ="):
        lines = dict(_IMAGEJ_LINE.findall(said))
        return Facts(pixel_sizes=_imagej(source, page, lines))
    if "<OME" in said[:2000]:
        return Facts(pixel_sizes=_ome(said))
    if said.lstrip().startswith(("<", "{")):
        return Facts()
    first_line = said.strip().splitlines()[0][:200] if said.strip() else ""
    return Facts(
        modes=modes.words(("description", first_line)),
        metadata={"description": first_line} if first_line else {},
    )


def _imagej(source: Source, page: Page, lines: dict[str, str]) -> tuple[PixelSize, ...]:
    unit = lines.get("unit", "").encode("latin-1", "replace").decode("unicode_escape", "replace")
    nm = units.nm_per(lines.get("unit", "")) or units.nm_per(unit)
    per_row, per_col = _fraction(source, page, _Y_RESOLUTION), _fraction(source, page, _X_RESOLUTION)
    if nm is None or not per_row or not per_col:
        return ()
    return calibration.pixel_size(nm / per_row, nm / per_col, "ImageJ scale")


def _ome(said: str) -> tuple[PixelSize, ...]:
    pixels = xml.first(xml.parse(said.encode()), "Pixels")
    if pixels is None:
        return ()
    nm = [units.nm_per(pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "YX"]
    size = [_float(pixels.get(f"PhysicalSize{axis}")) for axis in "YX"]
    if None in nm or None in size:
        return ()
    return calibration.pixel_size(size[0] * nm[0], size[1] * nm[1], "OME pixels")  # type: ignore[operator]


def _jeol(source: Source, page: Page) -> Facts:
    """Read JEOL's SightX: XML in the description, resolution on the camera, magnification or camera length."""
    if not text(source, page.tags[_MAKE]).startswith("JEOL"):
        return Facts()
    raw = text(source, page.tags.get(_DESCRIPTION))
    root = xml.parse("".join(line.strip(" \r\n\t\x01\x00") for line in raw.splitlines()).encode())
    tem, mode = xml.word(root, "EosMode") == "eosTEM", xml.word(root, "ModeString")
    per_row, per_col = _fraction(source, page, _Y_RESOLUTION), _fraction(source, page, _X_RESOLUTION)
    magnification = _float(xml.word(root, "SelectorValue"))
    if tem and mode == "DIFF":
        return Facts(modes=_sure(ImagingMode.DIFFRACTION, "JEOL mode"))
    sizes: tuple[PixelSize, ...] = ()
    if tem and mode == "MAG" and magnification and per_row and per_col:
        unit_nm = (2.54e7 if _number(source, page, _RESOLUTION_UNIT) == _INCH else 1e7) / magnification
        sizes = calibration.pixel_size(unit_nm / per_row, unit_nm / per_col, "JEOL SightX")
    # Seven digits of a second are one too many for a datetime.
    moment = moments.parse_local(re.sub(r"(\.\d{6})\d+", r"\1", xml.word(root, "DateTime")))
    metadata = _named(instrument=xml.word(root, "Instruments"), magnification=magnification)
    return Facts(pixel_sizes=sizes, acquired_at=moment, metadata=metadata)


def _fei_text(source: Source, page: Page) -> Facts:
    """FEI's text: lines ``[Scan]`` / ``PixelWidth=`` in metres. A scanning microscope's, unless the beam is faster."""
    tag = page.tags.get(34682) or page.tags.get(34680)
    sections = _ini(text(source, tag))
    scan, user, detectors = (sections.get(key, {}) for key in ("Scan", "User", "Detectors"))
    row, col = _float(scan.get("PixelHeight")), _float(scan.get("PixelWidth"))
    if row is None or col is None:
        row, col = _ion_beam(sections.get("IRBeam", {}), page)
    detector = detectors.get("Name", "")
    volts = _float(sections.get("Beam", {}).get("HV")) or 0.0
    mode = modes.mode_in(sections.get(detector, {}).get("Signal", "")) if "STEM" in detector.upper() else None
    moment = moments.parse_local(f"{user.get('Date', '')} {user.get('Time', '')}", moments.MONTH_FIRST)
    system = sections.get("System", {})
    return Facts(
        pixel_sizes=calibration.pixel_size(row * 1e9, col * 1e9, "FEI [Scan] PixelWidth")
        if row and col
        else (),
        modes=modes.words(("FEI detector", f"{detectors.get('Mode', '')} {detector}"))
        if volts > _FASTEST_SEM_V
        else _sure(mode or ImagingMode.SEM, "FEI tag"),
        acquired_at=moment,
        metadata=_named(instrument=system.get("SystemType"), detector=detector) | _assumed(moment),
    )


def _ion_beam(beam: dict[str, str], page: Page) -> tuple[float | None, float | None]:
    """Return the pixel in metres from the field widths, which ion beam images have instead."""
    height, width = _float(beam.get("VFW")), _float(beam.get("HFW"))
    return (height / page.rows if height else None, width / page.cols if width else None)


def _titan_xml(source: Source, page: Page) -> Facts:
    """Thermo Fisher's XML (tag 34683): BinaryResult/PixelSize in metres, Detector, start of acquisition."""
    root = xml.parse(text(source, page.tags[34683]).encode())
    size = xml.first(root, "PixelSize")
    edges = [
        (child.get("unit", "m"), _float(child.text)) for tag in "YX" if size is not None and (child := xml.first(size, tag)) is not None
    ]  # fmt: skip
    if any(units.is_reciprocal(unit) for unit, _ in edges):
        return Facts(modes=_sure(ImagingMode.DIFFRACTION, "TFS PixelSize"))
    nm = [units.nm_per(unit) for unit, _ in edges]
    usable = len(edges) == 2 and all(nm) and all(value for _, value in edges)
    detector = xml.word(root, "Detector") or xml.word(root, "DetectorName")
    moment = moments.parse_local(
        xml.word(root, "AcquisitionStartDatetime") or xml.word(root, "AcquisitionDatetime")
    )
    return Facts(
        pixel_sizes=calibration.pixel_size(edges[0][1] * nm[0], edges[1][1] * nm[1], "TFS PixelSize")  # type: ignore[operator]
        if usable
        else (),
        modes=modes.words(("TFS detector", detector)),
        acquired_at=moment,
        metadata=_named(detector=detector, instrument=xml.word(root, "InstrumentModel")),
    )


def _zeiss(source: Source, page: Page) -> Facts:
    """Zeiss SEM tag. Its unnamed record holds the pixel in metres, fourth, for a display of 1024 columns."""
    said = _vendor_tag(source, page, 34118)
    record: tuple[Any, ...] = said.get("") or ()
    metres = float(record[3]) * 1024 / page.cols if len(record) > 3 else 0.0
    date, time = (str((said.get(key) or ("", ""))[1]) for key in ("ap_date", "ap_time"))
    moment = moments.parse_local(f"{date} {time}")
    detector = said.get("dp_detector_type") or said.get("dp_detector_channel") or ("", "")
    voltage = said.get("ap_actualkv") or ("", None)
    return Facts(
        pixel_sizes=calibration.pixel_size(metres * 1e9, metres * 1e9, "Zeiss SEM tag"),
        modes=_sure(ImagingMode.SEM, "Zeiss SEM tag"),
        acquired_at=moment,
        metadata=_named(detector=str(detector[1]), voltage_kv=voltage[1]) | _assumed(moment),
    )


def _tvips(source: Source, page: Page) -> Facts:
    """TVIPS header: pixel size in nm; TEM mode 3 is diffraction, where the magnification is a camera length."""
    said = _vendor_tag(source, page, 37706)
    metadata = _named(
        camera=said.get("CameraType"),
        magnification=said.get("TemMagnification"),
        voltage_v=said.get("TemHighTension"),
    )
    if said.get("TemMode") == 3:
        return Facts(modes=_sure(ImagingMode.DIFFRACTION, "TVIPS TEM mode"), metadata=metadata)
    row, col = float(said.get("PixelSizeY") or 0), float(said.get("PixelSizeX") or 0)
    name = str(said.get("ImageName") or "")
    return Facts(
        pixel_sizes=calibration.pixel_size(row, col, "TVIPS header"),
        modes=modes.words(("TVIPS image name", name)),
        metadata=metadata | _named(title=name),
    )


def _olympus(source: Source, page: Page) -> Facts:
    """Olympus/Emsis SIS tag: pixel size in metres."""
    said = _vendor_tag(source, page, 33560)
    row, col = float(said.get("pixelsizey") or 0), float(said.get("pixelsizex") or 0)
    return Facts(
        pixel_sizes=calibration.pixel_size(row * 1e9, col * 1e9, "Olympus SIS tag"),
        metadata=_named(camera=said.get("cameraname"), magnification=said.get("magnification")),
    )


def _date(source: Source, page: Page) -> Facts:
    moment = moments.parse_local(text(source, page.tags[_DATE]))
    return Facts(acquired_at=moment, metadata=_assumed(moment))


# 2. axes with a unit, 3. vendors' tags; a time from a vendor is believed before the file's date.
_PLACES: tuple[tuple[int, Callable[[Source, Page], Facts]], ...] = (
    (65009, _gatan),
    (_DESCRIPTION, _description),
    (_MAKE, _jeol),
    (34683, _titan_xml),
    (34682, _fei_text),
    (34680, _fei_text),
    (34118, _zeiss),
    (37706, _tvips),
    (33560, _olympus),
    (_DATE, _date),
)


def _vendor_tag(source: Source, page: Page, code: int) -> dict[str, Any]:
    import tifffile  # knows the binary layouts of the vendors' tags

    source.file.seek(0)
    with tifffile.TiffFile(source.file) as file:
        found = file.pages[page.number].aspage().tags[code].value
    return dict(found) if isinstance(found, dict) else {}


def _ini(said: str) -> dict[str, dict[str, str]]:
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in said.splitlines():
        if line.startswith("[") and line.rstrip().endswith("]"):
            current = sections.setdefault(line.strip()[1:-1], {})
        elif "=" in line:
            key, _, value = line.partition("=")
            current[key.strip()] = value.strip()
    return sections


def _number(source: Source, page: Page, code: int) -> float | None:
    tag = page.tags.get(code)
    if tag is None or tag.count < 1 or tag.type not in (3, 4, 11, 12):
        return None
    return float(values(source, page.order, Tag(tag.type, 1, tag.offset))[0])


def _fraction(source: Source, page: Page, code: int) -> float | None:
    tag = page.tags.get(code)
    if tag is None or tag.type != 5 or tag.count != 1:
        return None
    above, below = values(source, page.order, tag)
    return above / below if above and below else None


def _float(said: str | None) -> float | None:
    try:
        return float(said) if said else None
    except ValueError:
        return None


def _sure(mode: ImagingMode, place: str) -> tuple[ModeWord, ...]:
    return (ModeWord(mode=mode, said_by=place),)


def _named(**said: Any) -> dict[str, Any]:
    return {key: value for key, value in said.items() if value not in (None, "")}


def _assumed(moment: object) -> dict[str, Any]:
    return dict(moments.ASSUMED_LOCAL) if moment else {}
