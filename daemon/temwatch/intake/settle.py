"""When a file is finished: one state a file, moved by what was seen and by the monotonic clock. No disk here.

``candidate -> (quiet) -> probe -> accepted | incomplete (tried again) | set aside``; a placeholder is an empty file.
Any change leads back to candidate. What the file system calls time is compared with itself only.
"""

from dataclasses import dataclass, replace

from temwatch.intake.states import (
    Accepted,
    Action,
    Blocked,
    Candidate,
    Changed,
    Hold,
    Incomplete,
    Look,
    Missing,
    NoFrame,
    Notice,
    Placeholder,
    Probe,
    PutAside,
    SetAside,
    Sight,
    State,
    Step,
    Unfinished,
    Unreachable,
    Whole,
)
from temwatch.model.sighting import Stamp

EMPTY = "empty: waiting for its content"
RESERVED = "ends in zeros: space may be reserved and not yet written, so it is given more time"
CHANGING = "changing again"
_RESERVED_PATIENCE = 4  # times the quiet time, once
_LONGEST_GLANCE_S = 30.0  # between looks at a file that is not final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient to be, in seconds.

    Attributes
    ----------
    quiet_s : float
        Without change for so long, a file is opened and probed.
    give_up_s : float
        Incomplete and unchanged for so long, it is set aside.
    recheck_s : float
        After being accepted, the content is compared once more.
    longest_wait_s : float
        Upper end of the growing pauses between probes of an incomplete or unreachable file.
    """

    quiet_s: float
    give_up_s: float = 300.0
    recheck_s: float = 40.0
    longest_wait_s: float = 3600.0


def seen(state: State | None, stamp: Stamp, now_s: float, pace: Pace, *, touched: bool = False) -> Step:
    """Return what follows from a file's stamp as it is now.

    Parameters
    ----------
    state : State or None
        None for a file never seen.
    stamp : Stamp
    now_s : float
        Monotonic.
    pace : Pace
    touched : bool
        An event said that somebody wrote, even if the stamp does not show it: the quiet time starts again.
    """
    if state is None or state.stamp != stamp:
        return _begun(state, stamp, now_s)
    match state:
        case Candidate() if touched:
            return Step(replace(state, since_s=now_s))
        case Candidate() if now_s >= state.since_s + state.patience * pace.quiet_s:
            return Step(state, (Probe(),))
        case Incomplete() | Blocked() if touched or now_s >= state.due_s:
            return Step(state, (Probe(),))
        case Accepted(recheck_s=float(at_s)) if now_s >= at_s:
            return Step(state, (Probe(),))
        case _:
            return Step(state)


def looked(state: State, look: Look, now_s: float, pace: Pace) -> Step:
    """Return what follows from a look into the file in `state`."""
    match look:
        case Changed():
            return seen(state, look.stamp, now_s, pace, touched=True)
        case Missing():
            return _blocked(state, _said(state), now_s, pace)
        case Unreachable():
            return _blocked(state, look.reason, now_s, pace)
        case Whole() | Unfinished() | NoFrame() if look.stamp != state.stamp:
            return seen(state, look.stamp, now_s, pace)
        case Whole() if isinstance(state, Accepted):
            return _compared(state, look, now_s)
        case Whole() if look.zero_tail and not (isinstance(state, Candidate) and state.patience > 1):
            # Reserved space looks like a whole file of zeros; real frames that end in zeros only wait longer.
            patient = Candidate(look.stamp, now_s, patience=_RESERVED_PATIENCE, said=RESERVED)
            return Step(patient, (Hold(RESERVED),))
        case Whole():
            return Step(Accepted(look.stamp, look.fingerprint, now_s + pace.recheck_s), (Sight(look),))
        case Unfinished():
            return _incomplete(state, look, now_s, pace)
        case NoFrame():
            aside = PutAside(look.stamp, look.fingerprint, look.reason, look.next_step)
            return Step(SetAside(look.stamp), (aside,))


def look_again_s(state: State, now_s: float, pace: Pace) -> float | None:
    """Return the monotonic time at which the file's stamp is to be taken again; None for a final state.

    Final files are left to the slow sweep. The longer a file has not changed, the longer between two glances.
    """
    match state:
        case Candidate():
            return state.since_s + state.patience * pace.quiet_s
        case Placeholder():
            return now_s + _glance_s(state.since_s, now_s, pace)
        case Incomplete() | Blocked():
            return min(state.due_s, now_s + _glance_s(state.since_s, now_s, pace))
        case Accepted():
            return state.recheck_s
        case SetAside():
            return None


def resumed(stamp: Stamp, now_s: float, *, held: bool) -> State:
    """Return the state of a file as the daemon knew it before: held ones settle afresh."""
    if not held:
        return Accepted(stamp)
    return Candidate(stamp, now_s) if stamp.size else Placeholder(stamp, now_s)


def is_at_rest(state: State) -> bool:
    """Whether the file was told of as it is; only scans and events look at it from now on."""
    return isinstance(state, Accepted | SetAside)


def _begun(state: State | None, stamp: Stamp, now_s: float) -> Step:
    is_news = state is None or isinstance(state, Accepted | SetAside)
    news: tuple[Action, ...] = (Notice(stamp),) if is_news else ()
    if stamp.size == 0:
        told = isinstance(state, Placeholder)
        return Step(Placeholder(stamp, now_s), news if told else (*news, Hold(EMPTY)))
    said = "" if state is None or isinstance(state, Accepted | SetAside) else _said(state)
    if said and said != CHANGING:
        return Step(Candidate(stamp, now_s, said=CHANGING), (*news, Hold(CHANGING)))
    return Step(Candidate(stamp, now_s, said=said), news)


def _said(state: State) -> str:
    match state:
        case Candidate() | Incomplete() | Blocked():
            return state.said
        case Placeholder():
            return EMPTY
        case _:
            return ""


def _incomplete(state: State, look: Unfinished, now_s: float, pace: Pace) -> Step:
    since_s = state.since_s if isinstance(state, Candidate | Incomplete) else now_s
    if now_s >= since_s + pace.give_up_s:
        step = "Copy it again whole; it is taken up again as soon as it changes"
        reason = f"{look.reason}; unchanged for {now_s - since_s:.0f} s"
        return Step(SetAside(look.stamp), (PutAside(look.stamp, look.fingerprint, reason, step),))
    tries = state.tries + 1 if isinstance(state, Incomplete) else 1
    # The last probe is when patience ends, so that nothing is set aside on old evidence.
    due_s = min(now_s + _pause_s(tries, pace), since_s + pace.give_up_s)
    news: tuple[Action, ...] = () if _said(state) == look.reason else (Hold(look.reason),)
    if isinstance(state, Accepted):
        news = (Notice(look.stamp), *news)
    return Step(Incomplete(look.stamp, since_s, tries, due_s, look.reason), news)


def _blocked(state: State, reason: str, now_s: float, pace: Pace) -> Step:
    if isinstance(state, Accepted):  # known and only to be compared: later will do
        return Step(replace(state, recheck_s=now_s + pace.recheck_s))
    tries = state.tries + 1 if isinstance(state, Blocked) else 1
    since_s = state.since_s if isinstance(state, Blocked) else now_s
    news: tuple[Action, ...] = () if _said(state) == reason else (Hold(reason),)
    return Step(Blocked(state.stamp, since_s, tries, now_s + _pause_s(tries, pace), reason), news)


def _compared(state: Accepted, look: Whole, now_s: float) -> Step:
    if look.fingerprint == state.fingerprint:
        return Step(Accepted(look.stamp))
    return Step(Candidate(look.stamp, now_s), (Notice(look.stamp),))


def _pause_s(tries: int, pace: Pace) -> float:
    return min(pace.quiet_s * float(2 ** min(tries, 40)), pace.longest_wait_s)


def _glance_s(since_s: float, now_s: float, pace: Pace) -> float:
    return min(max((now_s - since_s) / 4, pace.quiet_s), max(_LONGEST_GLANCE_S, pace.quiet_s))
