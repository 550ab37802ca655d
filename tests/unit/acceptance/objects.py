"""Findings made to order."""

from temwatch.model.finding import Finding, Rectangle


def finding(
    class_: str = "pore",
    *others: str,
    sure: bool = True,
    row: float = 500.0,
    col: float = 500.0,
    side_px: float = 20.0,
    novelty: float = 0.1,
) -> Finding:
    """A square finding; `others` are further classes of its prediction set, `sure=False` empties the set."""
    return Finding(
        finding_id="f.0",
        class_=class_,
        probability={class_: 1.0},
        prediction_set=(class_, *others) if sure else (),
        novelty=novelty,
        score=1.0,
        rectangle=Rectangle(row=row, col=col, length_px=side_px, width_px=side_px, angle_deg=0.0),
        area_px=round(side_px**2),
        area_nm2=None,
        equivalent_diameter_nm=None,
        grade=None,
        zone=None,
        touches_edge=False,
    )
