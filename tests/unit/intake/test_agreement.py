"""Whether events keep up with what scans find."""

from temwatch.intake.agreement import Agreement


def found(agreement: Agreement, count: int, *, told: int) -> None:
    for n in range(count):
        agreement.found(f"f{n}", 10.0)
        if n < told:
            agreement.told(f"f{n}")


def test_events_that_tell_of_most_files_are_believed() -> None:
    agreement = Agreement()
    found(agreement, 100, told=90)
    assert agreement.disagreement(100.0) == ""


def test_events_that_miss_more_than_a_tenth_are_not() -> None:
    agreement = Agreement()
    found(agreement, 100, told=89)
    assert agreement.disagreement(100.0) == "file events told of 89 of the last 100 files only"


def test_an_event_may_come_two_seconds_late() -> None:
    agreement = Agreement()
    found(agreement, 100, told=0)
    assert agreement.disagreement(11.9) == ""
    assert agreement.disagreement(12.0) != ""


def test_a_few_files_prove_nothing() -> None:
    agreement = Agreement()
    found(agreement, 19, told=0)
    assert agreement.disagreement(100.0) == ""


def test_only_the_last_files_count() -> None:
    agreement = Agreement()
    found(agreement, 200, told=0)
    agreement.disagreement(100.0)
    found(agreement, 200, told=200)
    assert agreement.disagreement(100.0) == ""
