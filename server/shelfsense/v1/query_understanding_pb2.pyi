from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BundleRole(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    BUNDLE_ROLE_UNSPECIFIED: _ClassVar[BundleRole]
    BUNDLE_ROLE_SERVING: _ClassVar[BundleRole]
    BUNDLE_ROLE_CANARY: _ClassVar[BundleRole]
    BUNDLE_ROLE_SHADOW: _ClassVar[BundleRole]
BUNDLE_ROLE_UNSPECIFIED: BundleRole
BUNDLE_ROLE_SERVING: BundleRole
BUNDLE_ROLE_CANARY: BundleRole
BUNDLE_ROLE_SHADOW: BundleRole

class Query(_message.Message):
    __slots__ = ("text", "text_utf8", "locale", "truncate")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    TEXT_UTF8_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    TRUNCATE_FIELD_NUMBER: _ClassVar[int]
    text: str
    text_utf8: bytes
    locale: str
    truncate: bool
    def __init__(self, text: _Optional[str] = ..., text_utf8: _Optional[bytes] = ..., locale: _Optional[str] = ..., truncate: _Optional[bool] = ...) -> None: ...

class Options(_message.Message):
    __slots__ = ("top_k", "max_reformulations", "precise", "cross_locale", "include_refused")
    TOP_K_FIELD_NUMBER: _ClassVar[int]
    MAX_REFORMULATIONS_FIELD_NUMBER: _ClassVar[int]
    PRECISE_FIELD_NUMBER: _ClassVar[int]
    CROSS_LOCALE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_REFUSED_FIELD_NUMBER: _ClassVar[int]
    top_k: int
    max_reformulations: int
    precise: bool
    cross_locale: bool
    include_refused: bool
    def __init__(self, top_k: _Optional[int] = ..., max_reformulations: _Optional[int] = ..., precise: _Optional[bool] = ..., cross_locale: _Optional[bool] = ..., include_refused: _Optional[bool] = ...) -> None: ...

class ProductType(_message.Message):
    __slots__ = ("id", "path", "level", "probability", "threshold", "accepted")
    ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    id: str
    path: _containers.RepeatedScalarFieldContainer[str]
    level: int
    probability: float
    threshold: float
    accepted: bool
    def __init__(self, id: _Optional[str] = ..., path: _Optional[_Iterable[str]] = ..., level: _Optional[int] = ..., probability: _Optional[float] = ..., threshold: _Optional[float] = ..., accepted: _Optional[bool] = ...) -> None: ...

class Reformulation(_message.Message):
    __slots__ = ("query", "locale", "score", "accepted", "volume", "volume_is_estimate", "refusal")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    VOLUME_IS_ESTIMATE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    query: str
    locale: str
    score: float
    accepted: bool
    volume: float
    volume_is_estimate: bool
    refusal: str
    def __init__(self, query: _Optional[str] = ..., locale: _Optional[str] = ..., score: _Optional[float] = ..., accepted: _Optional[bool] = ..., volume: _Optional[float] = ..., volume_is_estimate: _Optional[bool] = ..., refusal: _Optional[str] = ...) -> None: ...

class AnswerInfo(_message.Message):
    __slots__ = ("bundle_version", "locale_used", "cache_hit", "truncated", "queue_us", "inference_us", "overrides")
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOCALE_USED_FIELD_NUMBER: _ClassVar[int]
    CACHE_HIT_FIELD_NUMBER: _ClassVar[int]
    TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    QUEUE_US_FIELD_NUMBER: _ClassVar[int]
    INFERENCE_US_FIELD_NUMBER: _ClassVar[int]
    OVERRIDES_FIELD_NUMBER: _ClassVar[int]
    bundle_version: str
    locale_used: str
    cache_hit: bool
    truncated: bool
    queue_us: int
    inference_us: int
    overrides: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, bundle_version: _Optional[str] = ..., locale_used: _Optional[str] = ..., cache_hit: _Optional[bool] = ..., truncated: _Optional[bool] = ..., queue_us: _Optional[int] = ..., inference_us: _Optional[int] = ..., overrides: _Optional[_Iterable[str]] = ...) -> None: ...

class UnderstandRequest(_message.Message):
    __slots__ = ("query", "options")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    query: Query
    options: Options
    def __init__(self, query: _Optional[_Union[Query, _Mapping]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class UnderstandResponse(_message.Message):
    __slots__ = ("product_types", "reformulations", "info")
    PRODUCT_TYPES_FIELD_NUMBER: _ClassVar[int]
    REFORMULATIONS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    product_types: _containers.RepeatedCompositeFieldContainer[ProductType]
    reformulations: _containers.RepeatedCompositeFieldContainer[Reformulation]
    info: AnswerInfo
    def __init__(self, product_types: _Optional[_Iterable[_Union[ProductType, _Mapping]]] = ..., reformulations: _Optional[_Iterable[_Union[Reformulation, _Mapping]]] = ..., info: _Optional[_Union[AnswerInfo, _Mapping]] = ...) -> None: ...

class ClassifyRequest(_message.Message):
    __slots__ = ("query", "options")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    query: Query
    options: Options
    def __init__(self, query: _Optional[_Union[Query, _Mapping]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class ClassifyResponse(_message.Message):
    __slots__ = ("product_types", "info")
    PRODUCT_TYPES_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    product_types: _containers.RepeatedCompositeFieldContainer[ProductType]
    info: AnswerInfo
    def __init__(self, product_types: _Optional[_Iterable[_Union[ProductType, _Mapping]]] = ..., info: _Optional[_Union[AnswerInfo, _Mapping]] = ...) -> None: ...

class ReformulateRequest(_message.Message):
    __slots__ = ("query", "options")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    query: Query
    options: Options
    def __init__(self, query: _Optional[_Union[Query, _Mapping]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class ReformulateResponse(_message.Message):
    __slots__ = ("reformulations", "info")
    REFORMULATIONS_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    reformulations: _containers.RepeatedCompositeFieldContainer[Reformulation]
    info: AnswerInfo
    def __init__(self, reformulations: _Optional[_Iterable[_Union[Reformulation, _Mapping]]] = ..., info: _Optional[_Union[AnswerInfo, _Mapping]] = ...) -> None: ...

class EmbedRequest(_message.Message):
    __slots__ = ("query",)
    QUERY_FIELD_NUMBER: _ClassVar[int]
    query: Query
    def __init__(self, query: _Optional[_Union[Query, _Mapping]] = ...) -> None: ...

class EmbedResponse(_message.Message):
    __slots__ = ("vector", "info")
    VECTOR_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    vector: _containers.RepeatedScalarFieldContainer[float]
    info: AnswerInfo
    def __init__(self, vector: _Optional[_Iterable[float]] = ..., info: _Optional[_Union[AnswerInfo, _Mapping]] = ...) -> None: ...

class BatchUnderstandRequest(_message.Message):
    __slots__ = ("queries", "options")
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    queries: _containers.RepeatedCompositeFieldContainer[Query]
    options: Options
    def __init__(self, queries: _Optional[_Iterable[_Union[Query, _Mapping]]] = ..., options: _Optional[_Union[Options, _Mapping]] = ...) -> None: ...

class ItemError(_message.Message):
    __slots__ = ("code", "field", "message")
    CODE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    code: int
    field: str
    message: str
    def __init__(self, code: _Optional[int] = ..., field: _Optional[str] = ..., message: _Optional[str] = ...) -> None: ...

class BatchUnderstandItem(_message.Message):
    __slots__ = ("answer", "error")
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    answer: UnderstandResponse
    error: ItemError
    def __init__(self, answer: _Optional[_Union[UnderstandResponse, _Mapping]] = ..., error: _Optional[_Union[ItemError, _Mapping]] = ...) -> None: ...

class BatchUnderstandResponse(_message.Message):
    __slots__ = ("items",)
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[BatchUnderstandItem]
    def __init__(self, items: _Optional[_Iterable[_Union[BatchUnderstandItem, _Mapping]]] = ...) -> None: ...

class DescribeModelRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LocaleDescription(_message.Message):
    __slots__ = ("locale", "evidence", "thresholds", "reformulation_threshold", "reformulation_evidence", "heads")
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    REFORMULATION_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    REFORMULATION_EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    HEADS_FIELD_NUMBER: _ClassVar[int]
    locale: str
    evidence: str
    thresholds: _containers.RepeatedScalarFieldContainer[float]
    reformulation_threshold: float
    reformulation_evidence: str
    heads: int
    def __init__(self, locale: _Optional[str] = ..., evidence: _Optional[str] = ..., thresholds: _Optional[_Iterable[float]] = ..., reformulation_threshold: _Optional[float] = ..., reformulation_evidence: _Optional[str] = ..., heads: _Optional[int] = ...) -> None: ...

class ProductTypeDescription(_message.Message):
    __slots__ = ("id", "parent_id", "name", "level")
    ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    id: str
    parent_id: str
    name: str
    level: int
    def __init__(self, id: _Optional[str] = ..., parent_id: _Optional[str] = ..., name: _Optional[str] = ..., level: _Optional[int] = ...) -> None: ...

class DescribeModelResponse(_message.Message):
    __slots__ = ("bundle_version", "label_space", "locales", "product_types", "embedding_width", "product_type_target_precision", "reformulation_target_precision")
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    LABEL_SPACE_FIELD_NUMBER: _ClassVar[int]
    LOCALES_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_TYPES_FIELD_NUMBER: _ClassVar[int]
    EMBEDDING_WIDTH_FIELD_NUMBER: _ClassVar[int]
    PRODUCT_TYPE_TARGET_PRECISION_FIELD_NUMBER: _ClassVar[int]
    REFORMULATION_TARGET_PRECISION_FIELD_NUMBER: _ClassVar[int]
    bundle_version: str
    label_space: str
    locales: _containers.RepeatedCompositeFieldContainer[LocaleDescription]
    product_types: _containers.RepeatedCompositeFieldContainer[ProductTypeDescription]
    embedding_width: int
    product_type_target_precision: float
    reformulation_target_precision: float
    def __init__(self, bundle_version: _Optional[str] = ..., label_space: _Optional[str] = ..., locales: _Optional[_Iterable[_Union[LocaleDescription, _Mapping]]] = ..., product_types: _Optional[_Iterable[_Union[ProductTypeDescription, _Mapping]]] = ..., embedding_width: _Optional[int] = ..., product_type_target_precision: _Optional[float] = ..., reformulation_target_precision: _Optional[float] = ...) -> None: ...

class LoadBundleRequest(_message.Message):
    __slots__ = ("path", "role", "share")
    PATH_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    path: str
    role: BundleRole
    share: float
    def __init__(self, path: _Optional[str] = ..., role: _Optional[_Union[BundleRole, str]] = ..., share: _Optional[float] = ...) -> None: ...

class LoadBundleResponse(_message.Message):
    __slots__ = ("bundle_version", "previous_bundle_version", "load_us")
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOAD_US_FIELD_NUMBER: _ClassVar[int]
    bundle_version: str
    previous_bundle_version: str
    load_us: int
    def __init__(self, bundle_version: _Optional[str] = ..., previous_bundle_version: _Optional[str] = ..., load_us: _Optional[int] = ...) -> None: ...

class EndTrialRequest(_message.Message):
    __slots__ = ("promote",)
    PROMOTE_FIELD_NUMBER: _ClassVar[int]
    promote: bool
    def __init__(self, promote: _Optional[bool] = ...) -> None: ...

class EndTrialResponse(_message.Message):
    __slots__ = ("bundle_version",)
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    bundle_version: str
    def __init__(self, bundle_version: _Optional[str] = ...) -> None: ...

class DescribeBundlesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LoadedBundle(_message.Message):
    __slots__ = ("bundle_version", "role", "share", "queries", "compared", "other_first_type", "other_accepted_types", "other_reformulation")
    BUNDLE_VERSION_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    QUERIES_FIELD_NUMBER: _ClassVar[int]
    COMPARED_FIELD_NUMBER: _ClassVar[int]
    OTHER_FIRST_TYPE_FIELD_NUMBER: _ClassVar[int]
    OTHER_ACCEPTED_TYPES_FIELD_NUMBER: _ClassVar[int]
    OTHER_REFORMULATION_FIELD_NUMBER: _ClassVar[int]
    bundle_version: str
    role: BundleRole
    share: float
    queries: int
    compared: int
    other_first_type: int
    other_accepted_types: int
    other_reformulation: int
    def __init__(self, bundle_version: _Optional[str] = ..., role: _Optional[_Union[BundleRole, str]] = ..., share: _Optional[float] = ..., queries: _Optional[int] = ..., compared: _Optional[int] = ..., other_first_type: _Optional[int] = ..., other_accepted_types: _Optional[int] = ..., other_reformulation: _Optional[int] = ...) -> None: ...

class DescribeBundlesResponse(_message.Message):
    __slots__ = ("bundles",)
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    bundles: _containers.RepeatedCompositeFieldContainer[LoadedBundle]
    def __init__(self, bundles: _Optional[_Iterable[_Union[LoadedBundle, _Mapping]]] = ...) -> None: ...
