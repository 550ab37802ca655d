"""Questions about labels to come and labels given: what to label next, how far people agree, how right the machine was."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from temwatch.model.caller import Caller
from temwatch.model.label import Label, Previous
from temwatch.model.review import (
    AccuracyReport,
    Agreement,
    AgreementReport,
    Candidates,
    Opinion,
    Pick,
    ReviewItem,
    ReviewNext,
    Unfamiliar,
    Why,
)
from temwatch.publish.replies import Answer, Handler
from temwatch.store import labels, review
from temwatch.store.database import Connection, Database
from temwatch.store.findings import rectangle_of
from temwatch.store.review import Shown
from temwatch.wire import messages
from temwatch.wire.messages import NoArgs, ReviewNextArgs

T = TypeVar("T")
_FINDINGS, _FRAMES = 10_000, 2000  # looked through for the next ones: the newest
_FEW = 10  # labels that change no second opinion worth mentioning
_SECOND_LOOKS = 10  # one place in so many for each kind of label that needs another look


class Ranking(Protocol):
    """Puts findings in order; see `temwatch.learn.queue.rank`."""

    def __call__(
        self,
        candidates: Candidates,
        *,
        limit: int,
        begin: int,
        controls: Sequence[str],
        second: Sequence[str] | None,
    ) -> list[Pick]:
        """Return what to show next."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewRules:
    """The rules, which know neither store nor wire; see `temwatch.learn.queue`, `agreement`, `prequential`."""

    is_control: Callable[[str], bool]
    controls_for: Callable[[str, Iterable[str], Sequence[Opinion], Sequence[int]], list[str]]
    contradicted: Callable[[Iterable[Opinion], Collection[tuple[str, str]]], list[str]]
    rank: Ranking
    second: Callable[[NDArray[np.float32], NDArray[np.float32], Sequence[str]], list[str] | None]
    agreements: Callable[[Iterable[Opinion]], tuple[Agreement, ...]]
    accuracy: Callable[[Iterable[Opinion]], AccuracyReport]
    unfamiliar: Callable[[Iterable[tuple[str, str, str, Sequence[float]]]], tuple[Unfamiliar, ...]]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a finding stands: its frame's findings, and which of them it is."""

    shown: Shown
    number: int


class Review:
    """Answers ``review.*``.

    Parameters
    ----------
    database : Database
        Open.
    rules : ReviewRules
    """

    def __init__(self, database: Database, rules: ReviewRules) -> None:
        self._database = database
        self._rules = rules
        self._read: dict[int, Shown] = {}
        self._asked_at = 0  # the newest label when second opinions were last asked for
        self._taught: tuple[list[NDArray[np.float32]], list[str]] = ([], [])
        self._opinions: dict[str, str] = {}
        self._turn = asyncio.Lock()

    def handlers(self) -> dict[str, Handler]:
        """Return the commands this answers."""
        return {
            "review.next": self._next,
            "review.agreement": self._agreement,
            "review.accuracy": self._accuracy,
        }

    async def _next(self, args: dict[str, Any], caller: Caller) -> Answer:
        wanted = ReviewNextArgs.model_validate(args)
        return Answer(messages.to_json(await self._ask(lambda c: self._offer(c, wanted, caller.name))))

    async def _agreement(self, args: dict[str, Any], _: Caller) -> Answer:
        NoArgs.model_validate(args)
        opinions = await self._ask(review.blind_opinions)
        return Answer(messages.to_json(AgreementReport(agreements=self._rules.agreements(opinions))))

    async def _accuracy(self, args: dict[str, Any], _: Caller) -> Answer:
        NoArgs.model_validate(args)
        return Answer(messages.to_json(await self._ask(self._judged)))

    # --- in a thread of its own --------------------------------------------------------------------------------

    def _judged(self, connection: Connection) -> AccuracyReport:
        self._read = review.newest(connection, findings=_FINDINGS, frames=_FRAMES, known=self._read)
        frames = [
            (one.root, one.frame_id, one.path, [finding["novelty"] for finding in one.findings])
            for _, one in sorted(self._read.items())
        ]
        report = self._rules.accuracy(review.outcomes(connection))
        return replace(report, unfamiliar=self._rules.unfamiliar(frames))

    def _offer(self, connection: Connection, wanted: ReviewNextArgs, operator: str) -> ReviewNext:
        self._read = review.newest(connection, findings=_FINDINGS, frames=_FRAMES, known=self._read)
        stands = review.labelled(connection)
        places = {
            finding["finding_id"]: _Place(shown, number)
            for shown in self._read.values()
            if wanted.root in (None, shown.root) and shown.feature_set == _newest_set(self._read)
            for number, finding in enumerate(shown.findings)
        }
        fresh = [finding_id for finding_id in places if finding_id not in stands]
        opinions = review.blind_opinions(connection)
        items = self._second_looks(connection, wanted, opinions, stands)
        given = review.given_by(connection, operator)
        room = wanted.limit - len(items)
        picks = self._picks(connection, wanted, operator, places, fresh, opinions, given, room)
        taken_back = review.taken_back(connection)
        items += [
            _item(places[pick.finding_id], pick, revision=taken_back.get(pick.finding_id, 0))
            for pick in picks
            if pick.finding_id in places
        ]
        return ReviewNext(items=tuple(items), waiting=len(fresh), labelled=review.standing_count(connection))

    def _picks(
        self,
        connection: Connection,
        wanted: ReviewNextArgs,
        operator: str,
        places: dict[str, _Place],
        fresh: Sequence[str],
        opinions: Sequence[Opinion],
        given: Sequence[int],
        room: int,
    ) -> list[Pick]:
        rules = self._rules
        # Asked for one class of verdicts, a blind finding would tell its verdict by being there.
        waiting = [one for one in fresh if rules.is_control(one)] if wanted.class_ is None else []
        controls = rules.controls_for(operator, waiting, opinions, given) if wanted.class_ is None else []
        open_ = [one for one in fresh if not rules.is_control(one)]
        candidates = _candidates([places[one] for one in open_], wanted.class_)
        return rules.rank(
            candidates,
            limit=room,
            begin=len(given),
            controls=[one for one in controls if one in places],
            second=self._second(connection, candidates),
        )

    def _second(self, connection: Connection, candidates: Candidates) -> list[str] | None:
        """Return what the labels themselves call the candidates; asked anew only after a tenth more labels."""
        newest = labels.newest_id(connection)
        if newest > 1.1 * self._asked_at + _FEW or newest < self._asked_at:
            known = [
                row for row in labels.for_training(connection) if row.feature_set == _newest_set(self._read)
            ]
            self._taught = ([row.features for row in known], [row.class_ for row in known])
            self._asked_at, self._opinions = newest, {}
        unasked = [k for k, one in enumerate(candidates.finding_ids) if one not in self._opinions]
        taught, names = self._taught
        if unasked and taught and taught[0].size == candidates.features.shape[1]:
            said = self._rules.second(candidates.features[unasked], np.stack(taught), names)
            if said is None:
                return None
            self._opinions |= zip((candidates.finding_ids[k] for k in unasked), said, strict=True)
        if not all(one in self._opinions for one in candidates.finding_ids):
            return None
        return [self._opinions[one] for one in candidates.finding_ids]

    def _second_looks(
        self,
        connection: Connection,
        wanted: ReviewNextArgs,
        opinions: Sequence[Opinion],
        stands: dict[str, tuple[int, str]],
    ) -> list[ReviewItem]:
        """Return labels that somebody should look at again: adrift, doubtful, or contradicted blind."""
        each = -(-wanted.limit // _SECOND_LOOKS)
        against = self._rules.contradicted(opinions, [(one, class_) for one, (_, class_) in stands.items()])
        contradicted = [labels.standing(connection, finding_id) for finding_id in against]
        rows: tuple[tuple[Why, Iterable[Label | None]], ...] = (
            ("anchor", labels.to_look_at(connection, limit=each)),
            ("doubtful", review.doubtful(connection, limit=each)),
            ("disagreement", contradicted),
        )
        found: dict[str, ReviewItem] = {}
        for why, known in rows:
            fitting = [label for label in known if label is not None and _fits(label, wanted)]
            found |= {label.finding_id: _looked_at_again(label, why) for label in fitting[:each]}
        return list(found.values())[: wanted.limit]

    async def _ask(self, work: Callable[[Connection], T]) -> T:
        def in_thread() -> T:
            connection = self._database.reader()
            try:
                return work(connection)
            finally:
                connection.close()

        async with self._turn:
            return await asyncio.to_thread(in_thread)


def _newest_set(read: dict[int, Shown]) -> str | None:
    """Return which features the newest results have; labels measured with others cannot be compared."""
    return next((shown.feature_set for shown in read.values()), None)


def _fits(label: Label, wanted: ReviewNextArgs) -> bool:
    machine = label.predicted.class_ if label.predicted else None
    return wanted.root in (None, label.root) and wanted.class_ in (None, machine)


def _candidates(places: Sequence[_Place], class_: str | None) -> Candidates:
    findings = [(place, place.shown.findings[place.number]) for place in places]
    width = findings[0][0].shown.features.shape[1] if findings else 0
    fitting = [(place, finding) for place, finding in findings if class_ in (None, finding["class"])]
    table = [place.shown.features[place.number] for place, _ in fitting]
    return Candidates(
        finding_ids=tuple(finding["finding_id"] for _, finding in fitting),
        class_=tuple(finding["class"] for _, finding in fitting),
        margin=np.array([_margin(finding["probability"].values()) for _, finding in fitting], float),
        novelty=np.array([finding["novelty"] for _, finding in fitting], float),
        features=np.stack(table) if table else np.zeros((0, width), np.float32),
    )


def _margin(probability: Iterable[float]) -> float:
    first, second, *_ = (*sorted(probability, reverse=True), 0.0, 0.0)
    return min(1.0, max(0.0, first - second))


def _item(place: _Place, pick: Pick, *, revision: int) -> ReviewItem:
    shown, finding = place.shown, place.shown.findings[place.number]
    seen = not pick.blind
    return ReviewItem(
        finding_id=finding["finding_id"],
        frame_id=shown.frame_id,
        root=shown.root,
        path=shown.path,
        why=pick.why,
        blind=pick.blind,
        class_=finding["class"] if seen else None,
        probability=finding["probability"] if seen else None,
        prediction_set=tuple(finding["prediction_set"]) if seen else None,
        novelty=finding["novelty"] if seen else None,
        rectangle=rectangle_of(finding["rectangle"]),
        revision=revision if seen else None,
        said=None,
    )


def _looked_at_again(label: Label, why: Why) -> ReviewItem:
    assert label.label_id is not None
    assert label.class_ is not None
    return ReviewItem(
        finding_id=label.finding_id,
        frame_id=label.frame_id,
        root=label.root,
        path=label.path,
        why=why,
        blind=False,
        class_=label.predicted.class_ if label.predicted else None,
        probability=label.predicted.probability if label.predicted else None,
        prediction_set=None,
        novelty=None,
        rectangle=label.rectangle,
        revision=label.revision,
        said=Previous(
            label_id=label.label_id,
            class_=label.class_,
            state=label.state,
            by=label.by or "",
            at=label.at or "",
        ),
    )
