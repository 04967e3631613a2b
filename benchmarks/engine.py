"""How fast the int8 engine is on one thread, beside float32 peers and the best int8 product of the machine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.engine_peers import Batch, Way, int8_products, onnx_float, torch_float
from benchmarks.finding import Finding, Floor, Setting, missed
from benchmarks.machine import pinned, two_cores
from benchmarks.queries import sample_queries
from benchmarks.real_queries import real_queries
from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL, OnnxEngine
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.query import Query
from shelfsense.understander import Understander
from shelfsense_training.sources.splits import Split, split_of_query

_ROUNDS = 9
_BATCH = 32
_BATCHES = 8
_SINGLE = 64
_PRODUCT_S = 0.02  # of each shape in each round

_OURS, _TORCH, _ONNX = "int8 engine", "torch float32", "ONNX Runtime float32"
_DRAWN, _ALIKE, _ALONE = "32 as drawn", "32 of like lengths", "1 at a time"
_TORCH_FLOOR, _ONNX_FLOOR, _SHARE_FLOOR = 5.5, 2.6, 0.55


@dataclass(frozen=True, slots=True)
class _Measured:
    """Processor seconds of one pass by loads and ways, a list of rounds each, and best products per second by round."""

    seconds: Mapping[str, Mapping[str, list[float]]]
    products: list[float]

    def ratio(self, load: str, way: str) -> float:
        """Return how much longer a way takes than our engine, the median of rounds."""
        ours, theirs = self.seconds[load][_OURS], self.seconds[load][way]
        return statistics.median(their / our for our, their in zip(ours, theirs, strict=True))

    def share(self, load: str, multiply_adds: float) -> float:
        """Return which share of the best rate our engine has, the median of rounds."""
        ours = self.seconds[load][_OURS]
        rates = zip(ours, self.products, strict=True)
        return statistics.median(multiply_adds / seconds / best for seconds, best in rates)


def measure(setting: Setting) -> Finding:
    """Run the same batches every way, round by round, on one core and one thread."""
    rounds = setting.times(_ROUNDS)
    core, _ = two_cores()
    with pinned(core), tempfile.TemporaryDirectory() as folder:
        bundle = Bundle.open(setting.bundle)
        understander = Understander.load(bundle)
        model = load_int8(bundle.read(MODEL))
        queries, origin = _queries(_BATCH * _BATCHES)
        token_ids = [understander.prepare(query).token_ids for query in queries]
        loads = _loads(token_ids)
        ways = _ways(OnnxEngine.load(bundle), model, Path(folder))
        products = _products(model, sum(map(len, token_ids)) // _BATCHES)
        measured = _measure(ways, loads, products, rounds)
    return _finding(measured, loads, _per_token(model), origin, rounds)


def _queries(count: int) -> tuple[list[Query], str]:
    """Return real queries of the validation split, or the project's own where there is no data."""
    found = real_queries(1_000_000)
    if found is None:
        return sample_queries(count), "the project's own head and tail lists"
    chosen = [query for query in found[0] if split_of_query(query.text) is Split.VALIDATION]
    return chosen[:count], "query_category, validation split"


def _loads(token_ids: Sequence[Sequence[int]]) -> dict[str, list[Batch]]:
    by_length = sorted(token_ids, key=len)
    return {
        _DRAWN: [token_ids[i : i + _BATCH] for i in range(0, len(token_ids), _BATCH)],
        _ALIKE: [by_length[i : i + _BATCH] for i in range(0, len(by_length), _BATCH)],
        _ALONE: [[ids] for ids in token_ids[:_SINGLE]],
    }


def _ways(engine: OnnxEngine, model: UnderstanderModel, folder: Path) -> dict[str, Way]:
    graphs = {f"{_ONNX}, {name}": way for name, way in onnx_float(model, folder).items()}
    return {_OURS: engine.run, _TORCH: torch_float(model), **graphs}


def _products(model: UnderstanderModel, tokens: int) -> list[tuple[float, Callable[[], object]]]:
    """Return the layers' matrix products on so many tokens: multiply-adds, and what runs each."""
    config = model.backbone.encoder.config
    width, inner = config.dim, config.hidden_dim
    shapes = ((width, 3 * width), (width, width), (width, inner), (inner, width))
    return [(tokens * columns * outputs, int8_products(tokens, columns, outputs)) for columns, outputs in shapes]


def _per_token(model: UnderstanderModel) -> int:
    """Return the multiply-adds that the layers' matrices take for one token; attention and heads are not counted."""
    config = model.backbone.encoder.config
    return int(config.n_layers * (4 * config.dim**2 + 2 * config.dim * config.hidden_dim))


def _measure(
    ways: Mapping[str, Way],
    loads: Mapping[str, list[Batch]],
    products: Sequence[tuple[float, Callable[[], object]]],
    rounds: int,
) -> _Measured:
    seconds: dict[str, dict[str, list[float]]] = {load: {way: [] for way in ways} for load in loads}
    best: list[float] = []
    for turn in range(rounds + 1):  # the first warms up
        for load, batches in loads.items():
            for name, way in ways.items():
                spent = _pass(way, batches)
                if turn:
                    seconds[load][name].append(spent)
        rate = max(_rate(multiply_adds, run) for multiply_adds, run in products)
        if turn:
            best.append(rate)
    return _Measured(seconds, best)


def _pass(way: Way, batches: Sequence[Batch]) -> float:
    began = time.thread_time()
    for batch in batches:
        way(batch)
    return time.thread_time() - began


def _rate(multiply_adds: float, run: Callable[[], object]) -> float:
    began, times = time.thread_time(), 0
    while not times or time.thread_time() - began < _PRODUCT_S:
        run()
        times += 1
    return multiply_adds * times / (time.thread_time() - began)


def _finding(
    measured: _Measured, loads: Mapping[str, list[Batch]], per_token: int, origin: str, rounds: int
) -> Finding:
    ways = list(measured.seconds[_DRAWN])
    shares = {
        load: measured.share(load, per_token * sum(len(ids) for batch in batches for ids in batch))
        for load, batches in loads.items()
    }
    graphs = [way for way in ways if way.startswith(_ONNX)]
    torch_ratio = measured.ratio(_DRAWN, _TORCH)
    onnx_ratio = min(measured.ratio(_DRAWN, way) for way in graphs)
    floors = (
        Floor("engine / torch float32, batches of 32", torch_ratio, _TORCH_FLOOR),
        Floor("engine / ONNX Runtime float32 at its best, batches of 32", onnx_ratio, _ONNX_FLOOR),
        Floor("share of the best MatMulInteger rate, batches of 32", shares[_DRAWN], _SHARE_FLOOR),
    )
    rows, figures = [], {}
    for load, batches in loads.items():
        queries = sum(map(len, batches))
        for way in ways:
            speed = queries / statistics.median(measured.seconds[load][way])
            ratio = measured.ratio(load, way)
            share = f"{shares[load]:.2f}" if way == _OURS else ""
            rows.append((load, way, f"{speed:,.0f}", "" if way == _OURS else f"{ratio:.2f}", share))
            figures[f"{load}, {way}, queries/s"] = speed
            if way != _OURS:
                figures[f"{load}, engine / {way}"] = ratio
        figures[f"{load}, share of the best MatMulInteger rate"] = shares[load]
    best = statistics.median(measured.products)
    return Finding(
        title="Engine",
        claim=f"What one thread on one core answers with the same weights, layers and heads; "
        f"median of {rounds} rounds, interleaved.",
        columns=("batches", "served by", "queries per second", "engine is faster", "share of best int8 rate"),
        rows=tuple(rows),
        figures={**figures, "best MatMulInteger rate, multiply-adds/s": best, **_lengths(loads)},
        notes=(
            (
                f"Queries of {origin}; processor time of the calling thread. Peers pad batches to the longest query. "
                f"The share counts the {per_token / 1e6:.1f} million multiply-adds of the layers' matrices for real "
                f"tokens only, against the best bare product of those shapes, {best / 1e9:.0f} billion a second."
            ),
        ),
        faults=missed(floors),
        floors=floors,
    )


def _lengths(loads: Mapping[str, list[Batch]]) -> dict[str, float]:
    found = {}
    for load, batches in loads.items():
        real = sum(len(ids) for batch in batches for ids in batch)
        found[f"{load}, tokens a query"] = real / sum(map(len, batches))
        found[f"{load}, real / padded tokens"] = real / sum(len(batch) * max(map(len, batch)) for batch in batches)
    return found
