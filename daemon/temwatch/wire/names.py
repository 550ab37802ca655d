"""Names of files as bytes inside, as printable text outside."""


def printable(relpath: bytes) -> str:
    r"""Return a path for people and JSON: undecodable bytes and control characters are escaped as ``\xNN``.

    A backslash is doubled, and control characters above the ASCII range are shown by their code point, so two
    different names never print alike. Names are taken as UTF-8 whatever the locale says.
    """
    text = to_text(relpath).replace("\\", "\\\\")
    return "".join(_shown(character) for character in text)


def _shown(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # surrogateescape of one raw byte
        return f"\\x{code - 0xDC00:02x}"
    if character.isprintable():
        return character
    # \x80 and above is a raw byte; the character of that number is another name.
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def sayable(text: str) -> str:
    r"""Return text that UTF-8 can spell: a reason may quote a name whose bytes are none (``\udcff`` for ff)."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def to_text(relpath: bytes) -> str:
    """Return bytes as JSON-safe text that `from_text` turns back exactly."""
    return relpath.decode("utf-8", "surrogateescape")


def from_text(text: str) -> bytes:
    """Return the bytes of a name written by `to_text`."""
    if not isinstance(text, str):
        raise TypeError(f"a name is text, not {text!r}")
    return text.encode("utf-8", "surrogateescape")
