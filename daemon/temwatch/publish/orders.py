"""Commands that ask how the daemon is, or tell it to do something. Each is harmless when repeated."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from temwatch.model.caller import Caller
from temwatch.model.events import StatusChanged
from temwatch.publish.replies import Answer, Handler, Refusal
from temwatch.wire import messages
from temwatch.wire.messages import FrameArgs, NoArgs, RootAddArgs, RootArgs

_DONE = Answer(b"null")


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What can be asked and ordered.

    Attributes
    ----------
    status : callable
        Gives the daemon's state.
    pause, resume : callable
        Of a root by name; False where there is no such root.
    add_root, remove_root : callable
        Watch a folder, by name, until told otherwise; `remove_root` is False where it is not such a root.
    reinject : callable
        Queue a set-aside frame again; False where there is none.
    drain : callable
        Take no new frames, finish those under way.
    """

    status: Callable[[], StatusChanged]
    pause: Callable[[str], Awaitable[bool]]
    resume: Callable[[str], Awaitable[bool]]
    add_root: Callable[[str, Path], Awaitable[None]]
    remove_root: Callable[[str], Awaitable[bool]]
    reinject: Callable[[str], bool]
    drain: Callable[[], None]

    def handlers(self) -> dict[str, Handler]:
        """Return the commands this carries out."""
        return {
            "status": self._status,
            "root.pause": self._pause,
            "root.resume": self._resume,
            "root.add": self._add,
            "root.remove": self._remove,
            "frame.reinject": self._reinject,
            "drain": self._drain,
        }

    async def _status(self, args: dict[str, Any], _: Caller) -> Answer:
        NoArgs.model_validate(args)
        return Answer(messages.to_json(self.status()))

    async def _pause(self, args: dict[str, Any], _: Caller) -> Answer:
        root = RootArgs.model_validate(args).root
        return self._known(root, known=await self.pause(root))

    async def _resume(self, args: dict[str, Any], _: Caller) -> Answer:
        root = RootArgs.model_validate(args).root
        return self._known(root, known=await self.resume(root))

    async def _add(self, args: dict[str, Any], _: Caller) -> Answer:
        wanted = RootAddArgs.model_validate(args)
        path = Path(wanted.path)
        if not path.is_absolute():
            raise Refusal("bad_path", f"{wanted.path} is not an absolute path")
        await self.add_root(wanted.root, path)
        return _DONE

    async def _remove(self, args: dict[str, Any], _: Caller) -> Answer:
        root = RootArgs.model_validate(args).root
        return self._known(root, known=await self.remove_root(root))

    async def _reinject(self, args: dict[str, Any], _: Caller) -> Answer:
        frame_id = FrameArgs.model_validate(args).frame_id
        if not self.reinject(frame_id):
            raise Refusal("not_found", f"no frame {frame_id!r} is set aside")
        return Answer(json.dumps({"frame_id": frame_id}).encode())

    async def _drain(self, args: dict[str, Any], _: Caller) -> Answer:
        NoArgs.model_validate(args)
        self.drain()
        return _DONE

    def _known(self, root: str, *, known: bool) -> Answer:
        if not known:
            raise Refusal("not_found", f"no root {root!r}")
        return _DONE
