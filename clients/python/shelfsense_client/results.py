"""What the service answers, as frozen dataclasses with the wire's own names and meanings.

Knows nothing of protobuf; `wire.py` fills these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ProductType:
    """A product type the query may mean.

    Attributes:
        id: id in the bundle's tree.
        path: English names, root first; the last is the type's own.
        level: depth in the tree, 1 = root.
        probability: calibrated, 0 to 1; at least that of any type below it.
        threshold: least probability accepted at this level in this locale; above 1: never accepted.
        accepted: whether the probability reaches the threshold, or the shop's own rules accept it.
    """

    id: str
    path: tuple[str, ...]
    level: int
    probability: float
    threshold: float
    accepted: bool


@dataclass(frozen=True, slots=True)
class Reformulation:
    """A head query that may say the same thing.

    Attributes:
        query: the head query, as the head list writes it.
        locale: the bundle locale whose head it is.
        score: 0 to 1, higher is closer; comparable within a locale.
        accepted: whether every gate and the locale's threshold let it pass.
        volume: searches, in the unit of the head list.
        volume_is_estimate: the volume is an editorial rank, not a count.
        refusal: why it was refused; empty when accepted.
    """

    query: str
    locale: str
    score: float
    accepted: bool
    volume: float
    volume_is_estimate: bool
    refusal: str


@dataclass(frozen=True, slots=True)
class AnswerInfo:
    """How an answer came about.

    Attributes:
        bundle_version: version of the bundle that answered.
        locale_used: locale of the bundle that answered, ``und`` for none.
        cache_hit: the answer came from the cache.
        truncated: the text was cut before it was read.
        queue_us: microseconds the query waited for a batch.
        inference_us: microseconds its batch took.
        overrides: names of the shop's own rules that changed the answer.
    """

    bundle_version: str
    locale_used: str
    cache_hit: bool
    truncated: bool
    queue_us: int
    inference_us: int
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClassifyResponse:
    """The product types of one query: the top k of each level, deepest level first, then by probability."""

    product_types: tuple[ProductType, ...]
    info: AnswerInfo

    @property
    def accepted_product_types(self) -> tuple[ProductType, ...]:
        """The product types that reached their threshold, in the answer's order."""
        return tuple(product_type for product_type in self.product_types if product_type.accepted)


@dataclass(frozen=True, slots=True)
class ReformulateResponse:
    """The reformulations of one query, best first; refused ones only where they were asked for."""

    reformulations: tuple[Reformulation, ...]
    info: AnswerInfo

    @property
    def accepted_reformulations(self) -> tuple[Reformulation, ...]:
        """The reformulations that every gate let pass, best first."""
        return tuple(reformulation for reformulation in self.reformulations if reformulation.accepted)


@dataclass(frozen=True, slots=True)
class UnderstandResponse:
    """The understanding of one query; its parts are as in `ClassifyResponse` and `ReformulateResponse`."""

    product_types: tuple[ProductType, ...]
    reformulations: tuple[Reformulation, ...]
    info: AnswerInfo

    @property
    def accepted_product_types(self) -> tuple[ProductType, ...]:
        """The product types that reached their threshold, in the answer's order."""
        return tuple(product_type for product_type in self.product_types if product_type.accepted)

    @property
    def accepted_reformulations(self) -> tuple[Reformulation, ...]:
        """The reformulations that every gate let pass, best first."""
        return tuple(reformulation for reformulation in self.reformulations if reformulation.accepted)


@dataclass(frozen=True, slots=True)
class ItemError:
    """Why one query of a batch was not answered.

    Attributes:
        code: google.rpc.Code, the status the query would have had alone (3 = INVALID_ARGUMENT).
        field: the field at fault, as in ``text`` or ``locale``; empty where none is.
        message: the fact and what to send instead.
    """

    code: int
    field: str
    message: str


@dataclass(frozen=True, slots=True)
class LocaleDescription:
    """A locale of the bundle, and what its promises rest on.

    Attributes:
        locale: BCP 47 tag.
        evidence: what the product-type thresholds were fixed on: ``real``, ``composed`` or ``fallback``.
        thresholds: least probability accepted per level, element 0 is level 1; above 1: never accepted.
        reformulation_threshold: least reformulation score accepted; above 1: never accepted.
        reformulation_evidence: what the reformulation threshold was fixed on.
        heads: head queries in this locale's index.
    """

    locale: str
    evidence: str
    thresholds: tuple[float, ...]
    reformulation_threshold: float
    reformulation_evidence: str
    heads: int


@dataclass(frozen=True, slots=True)
class ProductTypeDescription:
    """A node of the bundle's tree: its id, its parent's (empty at a root), English name and level (1 = root)."""

    id: str
    parent_id: str
    name: str
    level: int


@dataclass(frozen=True, slots=True)
class DescribeModelResponse:
    """What the loaded bundle is and promises.

    Attributes:
        bundle_version: version of the bundle.
        label_space: name of the product-type tree.
        locales: every locale, ``und`` last.
        product_types: every type, parents before children.
        embedding_width: numbers in a vector of ``embed``.
        product_type_target_precision: precision that accepted product types promise, 0 to 1.
        reformulation_target_precision: precision that accepted reformulations promise, 0 to 1.
    """

    bundle_version: str
    label_space: str
    locales: tuple[LocaleDescription, ...]
    product_types: tuple[ProductTypeDescription, ...]
    embedding_width: int
    product_type_target_precision: float
    reformulation_target_precision: float


BundleRole = Literal["serving", "canary", "shadow"]
"""What a bundle is loaded for: to answer, to answer a share of the queries, or to read a share beside, to be compared."""


@dataclass(frozen=True, slots=True)
class LoadBundleResponse:
    """A bundle that was loaded.

    Attributes:
        bundle_version: its version.
        previous_bundle_version: the version it took the place of; empty where it took none.
        load_us: microseconds from the request until it answered.
    """

    bundle_version: str
    previous_bundle_version: str
    load_us: int


@dataclass(frozen=True, slots=True)
class LoadedBundle:
    """A bundle that a server has loaded; of several workers, the counts are of all together.

    Attributes:
        bundle_version: its version.
        role: a `BundleRole`; ``unspecified`` where the server names one that is newer than this client.
        share: of the queries that it reads, 0 to 1.
        queries: how many it has read.
        compared: of a bundle on trial, queries that both bundles have read.
        other_first_type: of those, how many had another first product type at level 1.
        other_accepted_types: of those, how many had another set of accepted product types.
        other_reformulation: of those, how many had another first accepted reformulation, or one where the other had none.
    """

    bundle_version: str
    role: str
    share: float
    queries: int
    compared: int
    other_first_type: int
    other_accepted_types: int
    other_reformulation: int
