"""What a store brings to onboarding, how it is done, and everything that came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from shelfsense.bundle import Bundle
from shelfsense.thresholds import LocaleThresholds
from shelfsense.understander import Understander
from shelfsense_training.onboarding.adaptation import AdaptationSettings
from shelfsense_training.onboarding.cross_fitting import CrossFit
from shelfsense_training.onboarding.locale_place import LocalePlace
from shelfsense_training.onboarding.promise import Promise
from shelfsense_training.onboarding.serving_figures import Served
from shelfsense_training.onboarding.store_queries import Judgements, QueryLog
from shelfsense_training.onboarding.store_sample import StoreSample

FEWEST_TO_ADAPT = 40
"""Judged queries of the training and validation sides from which an adaptation is tried."""


@dataclass(frozen=True, slots=True)
class Store:
    """What a store brings.

    Attributes:
        locale: its BCP 47 tag.
        queries: file of query, volume.
        labels: file of query, product_type_id, label; None where there are none.
    """

    locale: str
    queries: Path
    labels: Path | None = None


@dataclass(frozen=True, slots=True)
class OnboardingSettings:
    """How a locale is onboarded.

    Attributes:
        head_volume: least searches of a query that becomes a head.
        most_heads: at most, the most searched.
        most_tail: queries of the tail that stand for all of it in the figures.
        stop_at_bad_row: refuse a file with a bad row, instead of leaving the row out.
        resamples: of the bootstrap behind every interval.
        seed: of every draw.
        version: of the new bundle; made of the old one and the locale where empty.
        adaptation: of the locale's token and adapter.
    """

    head_volume: float = 20.0
    most_heads: int = 20_000
    most_tail: int = 5_000
    stop_at_bad_row: bool = False
    resamples: int = 1000
    seed: int = 0
    version: str = ""
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)


@dataclass(frozen=True, slots=True)
class Onboarded:
    """Everything that onboarding did and found; the report is written from it.

    Attributes:
        place: of the locale.
        log: its queries.
        judgements: its judged queries.
        sample: the queries that stand for the log.
        fit: how adapting went; None where it was not tried.
        promise: calibration and thresholds, and what they rest on.
        before_entry: the entry that held so far.
        old: the old bundle's answers to the sample; `new`: the new one's.
        judged_old: the old bundle's answers to all judged queries, fitted ones first.
        test_new: the new bundle's answers to the test side.
        heads: in the new bundle's index for this locale.
        bundle: the old bundle.
        understander: of it.
        version: of the new bundle.
        seconds: the run took.
    """

    place: LocalePlace
    log: QueryLog
    judgements: Judgements
    sample: StoreSample
    fit: CrossFit | None
    promise: Promise
    before_entry: LocaleThresholds
    old: Served
    new: Served
    judged_old: Served | None
    test_new: Served | None
    heads: int
    bundle: Bundle
    understander: Understander
    version: str
    seconds: float
