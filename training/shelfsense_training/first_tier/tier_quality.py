"""How good answers are beside the whole network's, on the same labelled queries.

N queries, L types, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shelfsense.understander import Prepared, Understander
from shelfsense_training.evaluation.bootstrap import Sampled, resampled
from shelfsense_training.evaluation.figures import Figure, MicroRecall, Ratio, share
from shelfsense_training.evaluation.labelled_queries import LabelledQueries
from shelfsense_training.evaluation.metrics import any_type, deployed, top_k_hits
from shelfsense_training.evaluation.scoring import accepted_types, calibrated, prepare, threshold_rows

LEVELS = (1, 2)
"""Levels of which the labels are known."""


@dataclass(frozen=True, slots=True)
class Quality:
    """One way of answering beside the whole network.

    Attributes:
        ratios: by name of the figure, as in ``top_1, level 1``: the figure over the whole network's.
        values: the figures themselves.
        agreement: share of queries with the very accepted types of the whole network.
        first_agreement: share of queries with its first answer at both levels.
    """

    ratios: dict[str, Sampled]
    values: dict[str, float]
    agreement: float
    first_agreement: float

    @property
    def least(self) -> float:
        """The worst of the ratios."""
        return min(each.value for each in self.ratios.values())

    @property
    def least_smoothed(self) -> float:
        """The worst of the ratios' means over resamples, which recall at a precision does not reach in leaps."""
        return min(float(np.nanmean(each.draws)) for each in self.ratios.values())


class Questions:
    """Labelled queries and what the whole network answers them.

    Args:
        understander: the bundle.
        data: N queries.
        probabilities: (N, L) of the network, as its engine gives them.

    Attributes:
        prepared: the queries as the network reads them.
        network: (N, L) the network's probabilities, as given.
        whole: (N, L) the same as they are served.
        labels: (N, L).
    """

    def __init__(self, understander: Understander, data: LabelledQueries, probabilities: NDArray[np.float32]) -> None:
        self._understander = understander
        self._types = understander.network_types
        self.prepared = prepare(understander, data.queries)
        self.labels = data.labels(len(self._types))
        self._thresholds = threshold_rows(understander.thresholds, self.prepared, self._types)
        self._known = np.array([each.known for each in self.prepared])
        self.network = probabilities
        self.whole = self.served(probabilities)

    @classmethod
    def asked(
        cls,
        understander: Understander,
        data: LabelledQueries,
        network: Callable[[Sequence[Prepared]], NDArray[np.float32]],
    ) -> Questions:
        """Ask the whole network the queries first.

        Args:
            understander: the bundle.
            data: N queries.
            network: gives probabilities (N, L) of prepared queries.
        """
        return cls(understander, data, network(prepare(understander, data.queries)))

    def served(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return probabilities (N, L) as a bundle serves them: calibrated for the locale, coherent along the tree."""
        locales = [each.locale for each in self.prepared]
        return self._types.coherent(calibrated(self._understander.calibration, probabilities, locales))

    def accepted(self, served: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Return (N, L) the types accepted."""
        return accepted_types(self._types, served, self._thresholds, self._known)

    def same(self, served: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return (N,) whether the accepted types are the whole network's, and whether the first of each level is."""
        sets: NDArray[np.bool_] = np.logical_and.reduce(self.accepted(served) == self.accepted(self.whole), axis=1)
        first = np.ones(len(served), dtype=np.bool_)
        for level in LEVELS:
            members = self._types.by_level[level]
            first &= served[:, members].argmax(axis=1) == self.whole[:, members].argmax(axis=1)
        return sets, first

    def sureness_features(self, served: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (N, F) what tells how sure served answers are: per level the best odds, the lead, the threshold's distance."""
        columns = [np.array([len(each.token_ids) for each in self.prepared], dtype=np.float64)]
        for members in self._types.by_level.values():
            here = served[:, members].astype(np.float64)
            best = np.sort(here, axis=1)[:, -2:]  # (N, 2), the best last
            least = self._thresholds[:, members[0]]
            columns += [_log_odds(best[:, 1]), best[:, 1] - best[:, 0], np.abs(best[:, 1] - least)]
            columns.append(np.abs(here - least[:, None]).min(axis=1))
        return np.stack(columns, axis=1)

    def deployed(self, served: NDArray[np.float32]) -> dict[str, dict[str, float]]:
        """Return precision and recall of the accepted types by level, over queries with an acceptable type."""
        found, accepted = {}, self.accepted(served)
        for level in LEVELS:
            members = self._types.by_level[level]
            mapped = any_type(self.labels[:, members])
            reached = deployed(accepted[mapped][:, members], self.labels[mapped][:, members])
            found[str(level)] = {"precision": reached.precision, "recall": reached.recall}
        return found

    def quality(self, served: NDArray[np.float32], *, resamples: int, seed: int = 0) -> Quality:
        """Compare served answers (N, L) with the whole network's; all figures see the same draws."""
        figures: dict[tuple[str, bool], Figure] = {}
        for level in LEVELS:
            members = self._types.by_level[level]
            labels = self.labels[:, members]
            for is_whole, answers in ((False, served), (True, self.whole)):
                here = answers[:, members]
                hits = top_k_hits(here, labels, 1)
                figures[f"top_1, level {level}", is_whole] = Ratio(hits, np.ones(len(hits)))
                figures[f"recall at precision 0.8, level {level}", is_whole] = MicroRecall(here, labels)
        found = resampled(figures, len(served), resamples=resamples, seed=seed)
        names = [name for name, is_whole in figures if not is_whole]
        sets, first = self.same(served)
        return Quality(
            {name: _over(found[name, False], found[name, True]) for name in names},
            {name: found[name, False].value for name in names},
            float(sets.mean()),
            float(first.mean()),
        )


def mixed(answers: NDArray[np.float32], whole: NDArray[np.float32], answered: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return (N, L) a tier's answers where it answers (N,), the whole network's elsewhere."""
    return np.where(answered[:, None], answers, whole)


def token_share(prepared: Sequence[Prepared], passed_on: NDArray[np.bool_]) -> float:
    """Return the share of all tokens that queries passed on have: what the network still has to do."""
    tokens = np.array([len(each.token_ids) for each in prepared], dtype=np.float64)
    return float(tokens[passed_on].sum() / tokens.sum())


def _over(part: Sampled, whole: Sampled) -> Sampled:
    """Return a paired ratio; both must come from the same draws."""
    value = share(np.array([part.value]), np.array([whole.value]))
    return Sampled(float(value[0]), share(part.draws, whole.draws))


def _log_odds(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    kept = np.clip(probabilities, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(kept / (1 - kept)))
