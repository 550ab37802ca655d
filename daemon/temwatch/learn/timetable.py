"""When to learn: at times of the clock, even those missed while the daemon was down, or after enough new labels."""

from collections.abc import Callable
from datetime import datetime

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.cron import CronTrigger


def missed(cron: str, *, since: datetime, now: datetime) -> bool:
    """Whether a time of the timetable lies after `since` and not after `now`.

    Parameters
    ----------
    cron : str
        Minute, hour, day of month, month, day of week, in local time; empty for never.
    since, now : datetime
        With a time zone.

    Raises
    ------
    ValueError
        `cron` is none.
    """
    if not cron:
        return False
    trigger = CronTrigger.from_crontab(cron)
    due = trigger.get_next_fire_time(since, since)
    return due is not None and due <= now


def enough(new_labels: int, *, wanted: int, since_start: int) -> bool:
    """Whether labels, corrections and undos since the last attempt are worth another one.

    Parameters
    ----------
    new_labels : int
        Since the last attempt that came to an end.
    wanted : int
        ``min_new_labels``.
    since_start : int
        Since the newest attempt began, however that ended: one that was cancelled or interrupted does not start
        itself again over the same labels.
    """
    return new_labels >= wanted and since_start > 0


class Timetable:
    """Calls at the times of a cron line while it runs.

    Parameters
    ----------
    cron : str
        Empty for never.
    due : callable
        Called in the event loop.
    """

    def __init__(self, cron: str, due: Callable[[], None]) -> None:
        self._cron = cron
        self._due = due
        self._scheduler = AsyncIOScheduler()

    def start(self) -> None:
        """Begin; needs a running event loop."""
        if not self._cron:
            return
        # Its defaults let go of what comes a second late. One that was late many times is due once.
        self._scheduler.add_job(
            self._due,
            CronTrigger.from_crontab(self._cron),
            misfire_grace_time=None,
            coalesce=True,
            max_instances=1,
        )
        self._scheduler.start()

    def stop(self) -> None:
        """End; calls nobody from then on."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def next_at(self) -> datetime | None:
        """Return when it is due next; None for never."""
        jobs = self._scheduler.get_jobs() if self._scheduler.running else []
        at: datetime | None = jobs[0].next_run_time if jobs else None
        return at
