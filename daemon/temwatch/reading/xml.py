"""XML from instruments, read without entities, without the network, and only up to a size."""

from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

MOST_BYTES = 16 << 20


def parse(raw: bytes) -> Element | None:
    """Return the root element; None where `raw` is too large, malformed, or declares entities."""
    if len(raw) > MOST_BYTES:
        return None
    try:
        root: Element = fromstring(raw.strip(b"\0 \r\n\t"), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return None
    return root


def first(root: Element | None, tag: str) -> Element | None:
    """Return the first element named `tag` below `root` in any namespace."""
    if root is None:
        return None
    return next((e for e in root.iter() if isinstance(e.tag, str) and e.tag.rpartition("}")[2] == tag), None)


def word(root: Element | None, tag: str) -> str:
    """Return the text of the first element named `tag`; empty where there is none."""
    found = first(root, tag)
    return (found.text or "").strip() if found is not None else ""
