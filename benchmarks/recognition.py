"""Recognition against its budgets, as ratios within one run: solving, growing, recognising, judging, ReliefF.

skrebate, which ReliefF is compared with, comes with the extra ``oracles``. Run with one BLAS thread: ``OMP_NUM_THREADS=1 python benchmarks/recognition.py``.
"""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

from temwatch.acceptance.rules import Rules
from temwatch.acceptance.verdict import judge
from temwatch.model.finding import Finding, Rectangle
from temwatch.recognition.fitting import fit_recognizer
from temwatch.recognition.growing import GrowingMachine
from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.kernel_machine import squared_distances
from temwatch.recognition.leave_one_out import choose, gram, solve
from temwatch.recognition.relieff import ReliefF

Array = NDArray[np.float64]
CLASSES = ("pore", "slag_inclusion", "looseness", "crack", "particle", "artefact")
REGULARISATIONS = [10.0**k for k in range(-1, 6)]


def cpu_ms(work: Callable[[], object], *, repeats: int = 5) -> float:
    """Return the least CPU time of several runs."""
    taken = []
    for _ in range(repeats):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return 1e3 * min(taken)


def material(n: int, p: int = 56) -> tuple[Array, NDArray[np.intp], Array]:
    """Return rows, class codes and targets of made-up material in six overlapping classes."""
    random = np.random.default_rng(0)
    codes = np.arange(n) % len(CLASSES)
    rows = random.normal(0, 1, (n, p)) + random.normal(0, 0.7, (len(CLASSES), p))[codes]
    return rows, codes, np.where(codes[:, None] == np.arange(len(CLASSES)), 1.0, -1.0)


def solving(n: int) -> None:
    """Compare with the literal equation 6 and with literal leave-one-out."""
    rows, codes, targets = material(n)
    distances = squared_distances(rows, rows)
    gamma, ones, ridge = 0.4 / float(np.median(distances)), np.ones(n), np.eye(n) / 100.0
    kernel = gram(distances, gamma)

    def literal() -> Array:
        weights: Array = np.linalg.inv(ridge + kernel) @ targets
        return weights

    def cholesky() -> Array:
        factor = cho_factor(ridge + kernel, check_finite=False)
        weights: Array = cho_solve(factor, targets, check_finite=False)
        return weights

    def ours() -> Array:
        return solve(kernel.copy(), targets, regularisation=100.0, importance=ones, parts=None).weights

    def refit_three_rows() -> None:
        for row in range(3):
            kept = np.delete(np.arange(n), row)
            np.linalg.solve((kernel + ridge)[np.ix_(kept, kept)], targets[kept])

    def search() -> None:
        grid = {"gammas": [gamma], "regularisations": REGULARISATIONS}
        choose(distances, targets, codes, **grid, importance=ones, parts=None)

    np.testing.assert_allclose(ours(), literal(), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(cholesky(), literal(), rtol=1e-6, atol=1e-8)
    inverse_ms, cholesky_ms, ours_ms = cpu_ms(literal), cpu_ms(cholesky), cpu_ms(ours)
    refit_ms = cpu_ms(refit_three_rows, repeats=1) / 3 * n * len(REGULARISATIONS)
    search_ms = cpu_ms(search, repeats=1)
    print(f"n={n}: weights by literal inverse {inverse_ms:.0f} ms, by Cholesky {cholesky_ms:.0f} ms")
    print(f"        {inverse_ms / cholesky_ms:.1f}x; with every row's held-out score {ours_ms:.0f} ms")
    print(
        f"n={n}: leave-one-out at 7 C by refitting {refit_ms / 1e3:.0f} s (from 3 rows); exact {search_ms:.0f} ms"
    )
    print(f"        {refit_ms / search_ms:.0f}x")


def growing(n: int) -> None:
    """Compare learning one more label with solving for all of them, and landmarks with all rows."""
    rows, codes, targets = material(n + 20)
    gamma = 0.4 / float(np.median(squared_distances(rows[:500], rows[:500])))
    machine = GrowingMachine(rows[:n], targets[:n], np.ones(n), gamma=gamma, regularisation=100.0)

    def one_more() -> None:
        k = machine.machine().rows.shape[0]
        machine.append(rows[k : k + 1], targets[k : k + 1], np.ones(1))

    def anew() -> None:
        kernel = gram(squared_distances(rows, rows), gamma)
        kernel[np.diag_indices_from(kernel)] += 0.01
        factor = cho_factor(kernel, overwrite_a=True, check_finite=False)
        cho_solve(factor, targets, check_finite=False)

    append_ms, anew_ms = cpu_ms(one_more), cpu_ms(anew, repeats=3)
    print(
        f"n={n}: one label more {append_ms:.0f} ms, solving anew {anew_ms:.0f} ms: {anew_ms / append_ms:.1f}x"
    )
    exact_ms = cpu_ms(lambda: KernelELM(exact_rows=n).fit(rows[:n], codes[:n]), repeats=1)
    few_ms = cpu_ms(lambda: KernelELM(exact_rows=10).fit(rows[:n], codes[:n]), repeats=1)
    print(f"n={n}: fit with its search, exact {exact_ms:.0f} ms, on 1000 landmarks {few_ms:.0f} ms", end="")
    print(f": {exact_ms / few_ms:.1f}x")


def many(n: int) -> None:
    """Time a fit far beyond what can be solved for exactly, and say what it keeps in memory."""
    rows, codes, _ = material(n)
    taken = cpu_ms(lambda: KernelELM().fit(rows, codes, groups=np.arange(n) // 40), repeats=1)
    print(f"n={n}: fit on 1000 landmarks {taken / 1e3:.1f} s")


def weighing(n: int = 2000, p: int = 40) -> None:
    """Compare ReliefF with skrebate's."""
    rows, codes, _ = material(n, p)
    ours = cpu_ms(lambda: ReliefF().fit(rows, codes), repeats=3)
    try:
        from skrebate import ReliefF as TheirReliefF
    except ImportError:
        print(f"ReliefF {n} x {p}: {ours:.0f} ms; skrebate is not installed (extra oracles)")
        return
    theirs = cpu_ms(lambda: TheirReliefF(n_neighbors=10, n_jobs=1).fit(rows, codes), repeats=1)
    print(f"ReliefF {n} x {p}: {ours:.0f} ms, skrebate {theirs:.0f} ms: {theirs / ours:.0f}x")


def recognising(n: int, m: int = 500) -> None:
    """Time one frame's worth of objects, beside the bare scores."""
    rows, codes, _ = material(n + m)
    names = [f"f{k}" for k in range(rows.shape[1])]
    classes = [CLASSES[k] for k in codes[:n]]
    recognizer = fit_recognizer(rows[:n], classes, names, groups=None, provenance="benchmark")
    all_ms = cpu_ms(lambda: recognizer.recognise(rows[n:], names))
    bare_ms = cpu_ms(lambda: recognizer.machine.decision(rows[n:]))
    print(
        f"n={n}: recognise {m} objects {all_ms:.1f} ms; scores alone {bare_ms:.1f} ms: {all_ms / bare_ms:.1f}x"
    )


def judging(n: int = 500) -> None:
    """Time the verdict on a crowded frame, a fifth of its objects doubtful."""
    random = np.random.default_rng(0)
    findings = [_finding(random, number) for number in range(n)]
    taken = cpu_ms(lambda: judge(findings, shape=(4096, 4096), nm_per_px=1.249, rules=Rules()))
    print(f"judge {n} findings of a 4096 x 4096 frame: {taken:.1f} ms")


def _finding(random: np.random.Generator, number: int) -> Finding:
    first, second = (CLASSES[int(k)] for k in random.integers(0, len(CLASSES), 2))
    width, length = sorted(random.uniform(5, 60, 2).tolist())
    row, col = random.uniform(0, 4095, 2).tolist()
    return Finding(
        finding_id=str(number),
        class_=first,
        probability={first: 1.0},
        prediction_set=tuple(dict.fromkeys((first, second))) if random.random() < 0.2 else (first,),
        novelty=0.5,
        score=1.0,
        rectangle=Rectangle(row=row, col=col, length_px=length, width_px=width, angle_deg=30.0),
        area_px=int(0.8 * length * width),
        area_nm2=None,
        equivalent_diameter_nm=None,
        grade=None,
        zone=None,
        touches_edge=False,
    )


if __name__ == "__main__":
    for size in (1000, 2000):
        solving(size)
    growing(3000)
    many(50_000)
    weighing()
    recognising(2000)
    judging()
