"""Errors answer one question: try again, or set aside.

Every error that crosses a room's border is a child of `TransientError` or `PermanentError`, named after the
fact. `next_step` says what a person can do about it.
"""


class TemwatchError(Exception):
    """Anything temwatch raises on purpose.

    Parameters
    ----------
    message : str
        Names the file or thing, and the value seen.
    next_step : str, optional
        What a person can do now.
    """

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message.rstrip('.')}. Next: {self.next_step}" if self.next_step else self.message


class TransientError(TemwatchError):
    """It may go through later: try again."""


class PermanentError(TemwatchError):
    """Trying again changes nothing: set aside."""


class FrameUnreadable(PermanentError):
    """The file is damaged, or not what its name says."""


class FrameDeclined(PermanentError):
    """The file is sound, but holds no image temwatch inspects (a spectrum, diffraction, 4-D data)."""


class FrameTooLarge(PermanentError):
    """The file declares more pixels or bytes than the configured limit."""


class FrameUnsafe(PermanentError):
    """A symlink, FIFO, socket or device stands where a file should be, or the path leaves its root."""


class FrameIncomplete(TransientError):
    """The file is still being written, by the evidence of its own structure."""


class FrameChanged(TransientError):
    """The file changed while it was read."""


class FrameGone(PermanentError):
    """The file was there and is not any more."""


class ShareTrouble(TransientError):
    """The file system failed (EIO, ESTALE, EHOSTDOWN, ...); that says nothing about the file."""


class ConfigError(PermanentError):
    """The configuration has faults; all of them are in the message."""


class KeyRefused(ConfigError):
    """A key file or the keys folder can't be used as it is (readable by others, damaged, missing)."""


class NotAllowed(PermanentError):
    """The daemon does not accept this key, or its role is too low for what was asked."""


class StoreRefused(PermanentError):
    """The state folder can't be used as it is (newer schema, damaged, on a network file system, locked)."""


class StoreFull(TransientError):
    """The state disk is full; nothing was written."""


class ModelRefused(PermanentError):
    """A saved recognizer or network doesn't match its digest, its manifest or its golden inputs."""


class AtlasRefused(PermanentError):
    """Labelled images can't be used as they are (no labels found, an unknown class, a mask of another shape)."""


class DaemonUnreachable(TransientError):
    """No daemon answered at the configured address."""
