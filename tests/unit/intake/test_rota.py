"""Turns through the files of folders."""

from hypothesis import given
from hypothesis import strategies as st

from temwatch.intake.rota import Rota


@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.integers(1, 9))
def test_every_name_has_its_turn_once_before_any_has_it_twice(sizes: list[int], quota: int) -> None:
    folders = {f"d{n}": [f"{n}.{k}" for k in range(size)] for n, size in enumerate(sizes)}
    rota, taken = Rota(), []
    for _ in range(100):
        turns = list(rota.take(quota, folders, folders.__getitem__))
        assert sum(len(turn.names) for turn in turns) <= quota
        taken += [name for turn in turns for name in turn.names]
        if len(taken) >= sum(sizes):
            break
    every = [name for names in folders.values() for name in names]
    assert sorted(taken[: len(every)]) == sorted(every)


def test_one_call_goes_through_everybody_at_most_once() -> None:
    turns = list(Rota().take(1000, ["a"], lambda _: ["x", "y"]))
    assert [turn.names for turn in turns] == [["x", "y"]]


def test_the_first_turn_of_a_folder_is_marked() -> None:
    rota = Rota()
    marks = [
        turn.begins for _ in range(3) for turn in rota.take(2, ["a"], lambda _: ["1", "2", "3", "4", "5"])
    ]
    assert marks == [True, False, False]
