"""Names of files as bytes inside, as printable text outside."""

import os


def printable(relpath: bytes) -> str:
    r"""Return a path for people and JSON: undecodable bytes and control characters are escaped as ``\xNN``.

    A backslash is doubled, so two different names never print alike.
    """
    text = os.fsdecode(relpath).replace("\\", "\\\\")
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape of one raw byte
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def to_text(relpath: bytes) -> str:
    """Return bytes as JSON-safe text that `from_text` turns back exactly."""
    return os.fsdecode(relpath)


def from_text(text: str) -> bytes:
    """Return the bytes of a name written by `to_text`."""
    return os.fsencode(text)
