"""Smaller networks and first tiers: how fast each is beside the six layers, and how good the study found it.

The speed of a network hangs on its shape and not on its weights, so every one is made here from the bundle;
the quality is read from the file that ``shelfsense-train first-tier-study`` wrote.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch

from benchmarks.finding import ROOT, BenchmarkFailed, Finding, Setting
from benchmarks.machine import pinned, two_cores
from benchmarks.queries import sample_queries
from benchmarks.real_queries import real_queries
from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL, OnnxEngine
from shelfsense.engines.onnx_session import OnnxSession
from shelfsense.models.heads import ClassificationHead
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense.understander import Prepared, Understander
from shelfsense_training.backbones import keep_layers
from shelfsense_training.export.onnx_export import export_again, export_int8
from shelfsense_training.first_tier.hashed_grams import HashedGrams
from shelfsense_training.first_tier.static_tier import GRAM_WIDTH, StaticTier
from shelfsense_training.first_tier.token_pairs import TokenPairs

QUALITY = ROOT / "docs" / "results" / "first_tier.json"
"""What the study wrote; figures alone."""

_QUERIES = 1024
_ALONE = 256  # of them in batches of 1
_ROUNDS = 9
_BATCHES = (32, 1)
_WANTED_SPEED, _WANTED_QUALITY = 2.5, 0.995
_WHOLE = "all layers"

_Answer: TypeAlias = Callable[[Sequence[Prepared]], Any]


@dataclass(frozen=True, slots=True)
class _Row:
    """One tier: how many times as fast as the whole network, and how good beside it.

    Attributes:
        name: of the tier.
        alone: speed where it answers everything, by size of batch.
        together: speed in large batches where it passes on what it is not sure of.
        quality: of the study.
    """

    name: str
    alone: Mapping[int, float]
    together: float
    quality: Mapping[str, Any]

    @property
    def earns(self) -> bool:
        """Whether it is fast enough and good enough, alone or with the network behind it."""
        ways = ((self.alone[_BATCHES[0]], self.quality["alone"]), (self.together, self.quality["mixed"]))
        return any(speed >= _WANTED_SPEED and good["least_ratio"] >= _WANTED_QUALITY for speed, good in ways)

    def cells(self) -> tuple[str, ...]:
        alone, mixed = self.quality["alone"], self.quality["mixed"]
        speeds = (f"{self.alone[size]:.2f}" for size in _BATCHES)
        agreed = f"{mixed['same_accepted_types']:.3f}"
        return self.name, *speeds, _worst(alone), f"{mixed['share']:.2f}", f"{self.together:.2f}", _worst(mixed), agreed


def measure(setting: Setting) -> Finding:
    """Answer the same queries in every way, round by round; processor time of this thread.

    Raises:
        BenchmarkFailed: the study has not written its file.
    """
    if not QUALITY.exists():
        raise BenchmarkFailed(f"{QUALITY} is not there; run shelfsense-train first-tier-study")
    quality = json.loads(QUALITY.read_bytes())
    count = max(2 * _BATCHES[0], setting.times(_QUERIES))
    asked, source = real_queries(count) or (sample_queries(count), "the project's own heads and tails")
    torch.set_num_threads(1)
    with pinned(two_cores()[0]):
        bundle = Bundle.open(setting.bundle)
        understander = Understander.load(bundle)
        prepared = [understander.prepare(query) for query in asked]
        ways = _ways(bundle, understander)
        speeds = {
            size: _speeds(ways, prepared if size > 1 else prepared[:_ALONE], size, setting.times(_ROUNDS))
            for size in _BATCHES
        }
    rows = [_row(row, speeds) for row in quality["rows"]]
    return _finding(rows, quality, source, len(prepared))


def _ways(bundle: Bundle, understander: Understander) -> dict[str, _Answer]:
    """Return what answers a batch, by kind and layers; only the whole network has weights that mean something."""
    graph = export_again(bundle.read(MODEL))
    model = load_int8(graph)
    ways: dict[str, _Answer] = {_WHOLE: _network(graph)}
    for layers in (4, 3, 2):
        ways[f"layers {layers}"] = _network(export_int8(_first(model, layers)))
    head, grams = model.classification, HashedGrams()
    levels = head.membership.argmax(0).tolist()
    width, words = model.backbone.width, model.backbone.text_vocabulary + len(understander.locales.tags) + 1
    static = StaticTier(words, width, ClassificationHead(width, len(levels), levels)).eval()
    hashed = StaticTier(grams.buckets, GRAM_WIDTH, ClassificationHead(GRAM_WIDTH, len(levels), levels)).eval()
    pairs = TokenPairs(words)
    paired = StaticTier(pairs.rows, width, ClassificationHead(width, len(levels), levels)).eval()
    ways["static"] = lambda batch: static.probabilities([each.token_ids[1:-1] for each in batch])
    ways["pairs"] = lambda batch: paired.probabilities([pairs.features(each.token_ids) for each in batch])
    ways["grams"] = lambda batch: hashed.probabilities([grams.features((p.model_text, p.locale)) for p in batch])
    ways["both"] = lambda batch: ways["grams"](batch) + ways["pairs"](batch)
    return ways


def _first(model: UnderstanderModel, layers: int) -> UnderstanderModel:
    levels = model.classification.membership.argmax(0).tolist()
    first = UnderstanderModel(
        keep_layers(model.backbone, range(layers)),
        len(levels),
        model.embedding.linear.out_features,
        levels,
        all_layers=model.embedding.states > 1,
        attributes=model.attributes is not None,
    )
    first.classification = model.classification
    return first.eval()


def _network(graph: bytes) -> _Answer:
    engine = OnnxEngine(OnnxSession.load(MODEL, graph))
    return lambda batch: engine.run([each.token_ids for each in batch])


def _speeds(ways: Mapping[str, _Answer], prepared: Sequence[Prepared], size: int, rounds: int) -> dict[str, float]:
    """Return how many times as fast as the whole network each is: median over rounds of the ratio of one round."""
    batches = [prepared[i : i + size] for i in range(0, len(prepared), size)]
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        took = {}
        for name, answer in ways.items():
            began = time.thread_time()
            for batch in batches:
                answer(batch)
            took[name] = time.thread_time() - began
        if number:  # the first round warms up
            for name, seconds in took.items():
                ratios[name].append(took[_WHOLE] / seconds)
    return {name: statistics.median(found) for name, found in ratios.items()}


def _row(quality: Mapping[str, Any], speeds: Mapping[int, Mapping[str, float]]) -> _Row:
    kind, layers, passed = quality["kind"], quality["layers"], quality["mixed"]["tokens_passed_on"]
    name = f"layers {layers}" if layers else kind
    alone = {size: found[name] for size, found in speeds.items()}
    cost = 1 / alone[_BATCHES[0]]
    # After an exit the network goes on where it stands; any other tier's work is done again from the start.
    behind = 1 - cost if kind == "exit" else 1
    return _Row(quality["name"], alone, 1 / (cost + passed * behind), quality)


def _worst(found: Mapping[str, Any]) -> str:
    """Return the worst ratio of a row's figures with its interval."""
    worst = min(found["ratios"].values(), key=lambda ratio: float(ratio["value"]))
    return f"{worst['value']:.3f} [{worst['low']:.3f}, {worst['high']:.3f}]"


def _finding(rows: Sequence[_Row], quality: Mapping[str, Any], source: str, queries: int) -> Finding:
    good = [row.name for row in rows if row.earns]
    outcome = f"these do: {', '.join(good)}" if good else "none does"
    heads = "; ".join(f"{name} {found['share']:.3f}" for name, found in quality["heads"].items())
    figures: dict[str, float | int | str | bool] = {}
    for row in rows:
        figures |= {f"{row.name}, batch {size}, times the whole": speed for size, speed in row.alone.items()}
        figures[f"{row.name}, passing on, times the whole"] = row.together
        figures[f"{row.name}, least ratio alone"] = row.quality["alone"]["least_ratio"]
        figures[f"{row.name}, least ratio passing on"] = row.quality["mixed"]["least_ratio"]
    return Finding(
        title="Smaller networks and first tiers",
        claim=f"Whether one answers product types at {_WANTED_SPEED} times the batch throughput of the whole network, "
        f"at {_WANTED_QUALITY} of each of its figures: {outcome}.",
        columns=(
            "tier",
            f"alone, batches of {_BATCHES[0]}, x",
            "alone, one by one, x",
            "alone: least ratio of quality",
            "answers alone, share",
            "passing on, x",
            "passing on: least ratio of quality",
            "same accepted types",
        ),
        rows=tuple(row.cells() for row in rows),
        figures=figures,
        notes=(
            (
                f"Speed: {queries:,} queries ({source}), processor time of one thread, all ways in turn in every round, the "
                "median of their ratios. Passing on is computed: the tier on all queries, the network on the tokens of those "
                "that it is not sure of; after an exit the network goes on from there."
            ),
            (
                f"Quality: {quality['queries']['test']:,} real test queries; the worst of top-1 and recall at precision 0.8 at "
                "levels 1 and 2, as ratio to the whole network's, with its 95 % interval by query. From which sureness on a tier "
                f"answers alone was chosen on {quality['queries']['validation']:,} validation queries."
            ),
            f"Share of real queries that are heads of the bundle, word for word: {heads}.",
        ),
    )
