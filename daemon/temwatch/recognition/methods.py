"""The recognizers that are compared: the paper's, ours, and scikit-learn's usual ones at usual settings."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from temwatch.recognition.elm import ELM
from temwatch.recognition.kernel_elm import KernelELM
from temwatch.recognition.seeded_kmeans import SeededKMeans
from temwatch.recognition.selection import SelectedRecogniser
from temwatch.recognition.tempered import Tempered


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One way to recognise.

    Attributes
    ----------
    title : str
    make : callable
        Takes a seed and returns an unfitted estimator for standardised columns.
    basic_only : bool
        Whether it sees the five basic features alone.
    takes_groups : bool
        Whether `fit` takes groups for its inner choices.
    """

    title: str
    make: Callable[[int], Any]
    basic_only: bool = False
    takes_groups: bool = False


def _paper_clusters(seed: int) -> SeededKMeans:
    return SeededKMeans(mode="free", clusters_per_class=3, n_restarts=3, n_folds=3, random_state=seed)


def _selected(seed: int, **grids: Any) -> SelectedRecogniser:
    # Which class a cluster votes for hardly depends on tau: the search does without choosing it, four times as fast.
    quick = SeededKMeans(mode="free", clusters_per_class=3, n_restarts=3, n_folds=1, random_state=seed)
    return SelectedRecogniser(_paper_clusters(seed), searcher=quick, random_state=seed, **grids)


def _trees(seed: int) -> ExtraTreesClassifier:
    return ExtraTreesClassifier(200, random_state=seed)


def paper_chain(seed: int) -> SelectedRecogniser:
    """Return ReliefF, PCA and clusters, with (s, d) searched inside `fit`."""
    return _selected(seed)


METHODS: dict[str, Method] = {
    "five_skm": Method(
        title="five basic features, S-KM++",
        make=lambda seed: SeededKMeans(mode="free", clusters_per_class=3, random_state=seed),
        basic_only=True,
        takes_groups=True,
    ),
    "all_skm": Method(
        title="all features, S-KM++ (mode, K chosen)",
        make=lambda seed: SeededKMeans(random_state=seed),
        takes_groups=True,
    ),
    "relieff_skm": Method(
        title="ReliefF(s), S-KM++, nested",
        make=lambda seed: _selected(seed, dimensions=(None,)),
        takes_groups=True,
    ),
    "pca_skm": Method(
        title="PCA(d), S-KM++, nested",
        make=lambda seed: _selected(seed, feature_counts=(None,)),
        takes_groups=True,
    ),
    "paper": Method(title="ReliefF->PCA(s,d), S-KM++, nested", make=paper_chain, takes_groups=True),
    "kernel_elm": Method(title="kernel ELM", make=lambda _seed: KernelELM(), takes_groups=True),
    "elm": Method(title="ELM, 1000 random units", make=lambda seed: ELM(random_state=seed)),
    "svc": Method(title="SVC, RBF, C=10", make=lambda _seed: Tempered(SVC(C=10)), takes_groups=True),
    "extra_trees": Method(
        title="ExtraTrees, 200", make=lambda seed: Tempered(_trees(seed)), takes_groups=True
    ),
    "hist_gb": Method(
        title="HistGradientBoosting",
        make=lambda seed: Tempered(HistGradientBoostingClassifier(random_state=seed)),
        takes_groups=True,
    ),
    "lda": Method(
        title="LDA, shrinkage",
        make=lambda _seed: Tempered(LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")),
        takes_groups=True,
    ),
    "logistic": Method(
        title="logistic regression",
        make=lambda _seed: Tempered(LogisticRegression(C=1.0, max_iter=2000)),
        takes_groups=True,
    ),
}
