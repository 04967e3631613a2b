"""How sure a tier is that the whole network would say the same, and from where on it answers alone.

N queries, F features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from shelfsense_training.first_tier.tier_quality import Questions, mixed

LEAST_QUALITY = 0.995
"""Of the whole network's, every figure of it."""

_STEPS = 20
_RESAMPLES = 100


class Sureness:
    """A logistic model of agreement, fitted on validation queries, which need no labels for it.

    Args:
        model: from features to agreement; None where tier and network never differ.
        threshold: least sureness with which the tier answers alone; above 1 it never does.
    """

    def __init__(self, model: Pipeline | None, threshold: float) -> None:
        self._model = model
        self.threshold = threshold

    @classmethod
    def fit(cls, questions: Questions, served: NDArray[np.float32]) -> Sureness:
        """Fit on validation, and take the lowest threshold down to which every figure stays good enough there.

        A figure counts with its mean over resamples of the queries: recall at a precision moves in leaps.

        Args:
            questions: the validation queries.
            served: (N, L) the tier's answers to them.
        """
        sets, first = questions.same(served)
        agree = sets & first
        features = questions.sureness_features(served)
        model = None
        if agree.any() and not agree.all():
            model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)).fit(features, agree)
        fitted = cls(model, 2.0)
        sureness = fitted.of(features)
        for share in np.arange(1, _STEPS + 1) / _STEPS:
            threshold = float(np.quantile(sureness, 1 - share))
            found = mixed(served, questions.whole, sureness >= threshold)
            if questions.quality(found, resamples=_RESAMPLES).least_smoothed < LEAST_QUALITY:
                break
            fitted.threshold = threshold
        return fitted

    def of(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return (N,) the probability of agreement, of features (N, F)."""
        if self._model is None:
            return np.ones(len(features))
        return np.asarray(self._model.predict_proba(features)[:, 1])

    def answers_alone(self, features: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Return (N,) whether the tier answers alone."""
        return self.of(features) >= self.threshold
