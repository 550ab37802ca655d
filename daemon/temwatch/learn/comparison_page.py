"""A comparison as one HTML page that needs nothing else: tables and drawings, no script, nothing from another host."""

from collections.abc import Iterable, Sequence
from html import escape

from temwatch import __version__
from temwatch.learn.comparison import Comparison, Result
from temwatch.learn.comparison_text import leakage
from temwatch.learn.label_doubts import Doubts
from temwatch.recognition.evaluation import Share

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:78rem;margin:2rem auto;padding:0 1rem;color:#1b2430;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.2rem;margin-top:2.2rem}h3{font-size:1rem;margin:1.4rem 0 .3rem}
table{border-collapse:collapse;margin:.4rem 0}th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #dde3ea;white-space:nowrap}
th:first-child,td:first-child{text-align:left}caption{text-align:left;color:#566;font-size:.85rem;padding:.2rem 0}
.matrix td{min-width:3.4rem}pre{background:#f4f6f8;padding:.8rem;overflow-x:auto;font-size:.85rem}
.side{display:flex;flex-wrap:wrap;gap:2rem;align-items:flex-start}svg{display:block}
"""
_HELD = {"random": "rows at random", "group": "whole groups"}
_BLUE, _GREY, _INK, _ORANGE = "#1f6fb2", "#c6ced8", "#1b2430", "#c8500a"


def as_page(comparisons: Sequence[Comparison], doubts: Doubts | None = None, most: int = 30) -> str:
    """Return the page.

    Parameters
    ----------
    comparisons : sequence of Comparison
        Of one atlas; with two splits, random before group, what leaks between them is shown.
    doubts : Doubts, optional
        Labels that the rest of the atlas contradicts; up to `most` are shown.
    """
    title = f"Recognition methods on {escape(comparisons[0].atlas)}"
    parts = [part for comparison in comparisons for part in _split(comparison)]
    if len(comparisons) == 2:
        parts += [
            "<h2>What leaks between rows of one group</h2>",
            f"<p>{_origin(comparisons[1])}</p><pre>{escape(leakage(*comparisons))}</pre>",
        ]
    if doubts and doubts.doubts:
        parts += _doubts(doubts, comparisons[0].groups, most)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><p>temwatch {escape(__version__)}. Intervals are 95 %; a row held out several times counts"
        f" once.</p>{''.join(parts)}</html>\n"
    )


def _split(comparison: Comparison) -> Iterable[str]:
    words = "at random" if comparison.split == "random" else "whole groups (specimens, else images)"
    yield f"<h2>Held out: {words}</h2>"
    yield f"<p>{_origin(comparison)}</p>"
    yield "".join(f"<p>Note: {escape(note)}</p>" for note in comparison.notes)
    yield _methods(comparison)
    for result in comparison.results:
        yield f"<h3>{escape(result.title)}</h3><div class=side>"
        yield _by_class(comparison, result)
        yield _matrix(comparison, result)
        yield _reliability(comparison, result)
        yield "</div>"


def _origin(comparison: Comparison) -> str:
    """Return what every figure rests on: n, split, groups, digest."""
    train, test = ("–".join(map(str, sorted(set(pair)))) for pair in (comparison.train, comparison.test))
    return (
        f"{comparison.rows} objects of {comparison.groups} groups; {comparison.repeats} hold-outs, {train} to learn"
        f" from, {test} held out, {_HELD[comparison.split]}; atlas {comparison.digest[:16]}…"
    )


def _methods(comparison: Comparison) -> str:
    low = min(result.overall.interval[0] for result in comparison.results)
    rows = []
    for result in comparison.results:
        tuned = (
            f"<br><small>tuned on the rows it is judged by (optimistic): {result.optimistic[0]:.1%}</small>"
            if result.optimistic
            else ""
        )
        rows.append(
            f"<tr><td>{escape(result.title)}{tuned}</td><td>{_spread(result.accuracy)}</td>"
            f"<td>{_bar(result.overall, low)}</td><td>{_spread(result.macro_f1)}</td>"
            f"<td>{result.ece:.1%}</td><td>{result.log_loss:.2f}</td></tr>"
        )
    return _table(
        ("method", "accuracy, mean ± sd of hold-outs", "over distinct rows", "macro-F1", "ECE", "log-loss"),
        rows,
        _origin(comparison),
    )


def _by_class(comparison: Comparison, result: Result) -> str:
    rows = []
    for k, name in enumerate(comparison.classes):
        kept = f"<td>{_said(result.sets.coverage[k])}</td>" if result.sets else ""
        rows.append(f"<tr><td>{escape(name)}</td><td>{_bar(result.recall[k], 0.0)}</td>{kept}</tr>")
    heads = ["class", "recall"]
    caption = _origin(comparison)
    if result.sets:
        heads.append(f"{result.sets.confidence:.0%} sets hold it")
        caption += f"; {result.sets.single:.0%} of the sets name one class, {result.sets.empty:.0%} none"
    return _table(heads, rows, caption)


def _matrix(comparison: Comparison, result: Result) -> str:
    rows = []
    for name, counts in zip(comparison.classes, result.confusion.tolist(), strict=True):
        total = max(sum(counts), 1)
        cells = "".join(
            f'<td style="background:rgba(31,111,178,{count / total:.2f});'
            f'color:{"#fff" if count > 0.55 * total else _INK}">{count}</td>'
            for count in counts
        )
        rows.append(f"<tr><td>{escape(name)}</td>{cells}</tr>")
    heads = ("true \\ named", *(escape(name) for name in comparison.classes))
    return _table(heads, rows, "counts over all hold-outs; " + _origin(comparison), "matrix")


def _reliability(comparison: Comparison, result: Result) -> str:
    """Return how often a method was right when it said so surely: on the diagonal where it keeps its word."""
    side, rim = 180, 30
    most = max((n for _, _, n in result.reliability), default=1)

    def at(share: float) -> float:
        return rim + share * side

    points = "".join(
        f'<circle cx="{at(sure):.1f}" cy="{at(1 - right):.1f}" r="{2 + 4 * (n / most) ** 0.5:.1f}" fill="{_BLUE}"/>'
        for sure, right, n in result.reliability
    )
    labels = "".join(
        f'<text x="{at(k):.0f}" y="{rim + side + 14}" text-anchor="middle">{k:.0%}</text>'
        f'<text x="{rim - 4}" y="{at(1 - k) + 4:.0f}" text-anchor="end">{k:.0%}</text>'
        for k in (0.0, 0.5, 1.0)
    )
    return (
        f'<svg width="{side + 2 * rim}" height="{side + 2 * rim + 16}" font-size="10" fill="{_INK}" role="img" '
        f'aria-label="Reliability of {escape(result.title)}">'
        f'<rect x="{rim}" y="{rim}" width="{side}" height="{side}" fill="none" stroke="{_GREY}"/>'
        f'<line x1="{rim}" y1="{rim + side}" x2="{rim + side}" y2="{rim}" stroke="{_ORANGE}" stroke-dasharray="4 3"/>'
        f'{points}{labels}<text x="{rim}" y="{rim - 10}">right (up) when it was so sure (across)</text>'
        f'<text x="{rim}" y="{rim + side + 30}">ECE {result.ece:.1%}; {_HELD[comparison.split]} held out</text></svg>'
    )


def _doubts(doubts: Doubts, groups: int, most: int) -> Iterable[str]:
    caption = (
        f"{len(doubts.doubts)} of {doubts.rows} objects of {groups} groups; each judged by a recognizer that has not"
        f" seen its {doubts.held_out}; atlas {doubts.digest[:16]}…"
    )
    rows = [
        f"<tr><td>{escape(one.label)}</td><td>{escape(one.rather)}</td><td>{one.confidence:.1%}</td>"
        f"<td>{escape(one.group)}</td></tr>"
        for one in doubts.doubts[:most]
    ]
    return (
        "<h2>Labels that the rest of the atlas contradicts</h2>",
        _table(("label", "the others say", "probability of the label", "group"), rows, caption),
    )


def _table(heads: Iterable[str], rows: Iterable[str], caption: str, kind: str = "") -> str:
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<table class="{kind}"><caption>{caption}</caption><tr>{head}</tr>{"".join(rows)}</table>'


def _spread(pair: tuple[float, float]) -> str:
    mean, sd = pair
    return f"{mean:.1%}" if sd != sd else f"{mean:.1%} ± {sd:.1%}"


def _said(share: Share) -> str:
    return f"{share.value:.1%} [{share.interval[0]:.1%}, {share.interval[1]:.1%}]" if share.n else "none"


def _bar(share: Share, low: float) -> str:
    """Return a share with its interval, drawn from `low` to 100 %."""
    if not share.n:
        return "none"
    floor = int(low * 10) / 10
    width = 120

    def at(value: float) -> float:
        return 4 + (value - floor) / (1 - floor) * width

    first, last = (at(edge) for edge in share.interval)
    return (
        f'{_said(share)}<svg width="{width + 8}" height="12" role="img" aria-label="{_said(share)}">'
        f'<line x1="4" x2="{width + 4}" y1="6" y2="6" stroke="{_GREY}"/>'
        f'<line x1="{first:.1f}" x2="{last:.1f}" y1="6" y2="6" stroke="{_BLUE}" stroke-width="3"/>'
        f'<circle cx="{at(share.value):.1f}" cy="6" r="4" fill="{_BLUE}"/></svg>'
    )
