"""The re-ranker in ONNX Runtime.

Its graph has no word table of its own, which would be most of it, but reads the one that ``model.onnx``
gives: each tensor is an input of the name that the output has there. The tensors are taken out once, and
every run reads them where they are. P pairs, T tokens.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.onnx import MODEL
from shelfsense.engines.onnx_session import INPUT, OnnxSession
from shelfsense.engines.reranker import RERANKER
from shelfsense.errors import BundleRefused, EngineUnavailable, InvalidQuery
from shelfsense.locales import UNDETERMINED, Locales

_OUTPUT = "logits"
_SHORTEST = [0, 2]  # <s> </s>: ids that every vocabulary has
_LOCALES = "locales"
_ONNX_NAME = {"float32": "float"}  # the types that ONNX Runtime calls otherwise than numpy
_REMEDY = "use a bundle whose reranker.onnx was written for its model.onnx"


class OnnxReranker:
    """Runs a bundle's ``reranker.onnx``. Not thread-safe: one caller at a time.

    Args:
        session: of the graph.
        words: the word table's tensors, by the names the graph reads them.
        locales: those it knows, in the order of its locale tokens.
    """

    def __init__(self, session: OnnxSession, words: Mapping[str, NDArray[Any]], locales: Locales) -> None:
        self.locales = locales
        self._session = session
        self._words = words

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int = 1) -> OnnxReranker:
        """Start a session and try it on the shortest pair there is.

        Args:
            bundle: a verified bundle that has the file.
            threads: threads of one run.

        Raises:
            BundleRefused: when the file is no such graph, or does not fit the bundle's model.
            EngineUnavailable: when ONNX Runtime cannot start.
        """
        session = OnnxSession.load(RERANKER, bundle.read(RERANKER), threads=threads)
        if session.inputs.get(INPUT, ("", []))[0] != "tensor(int64)" or _OUTPUT not in session.outputs:
            raise _refused(f"reads {sorted(session.inputs)} and gives {sorted(session.outputs)}, as no re-ranker does")
        found = cls(session, _borrowed(bundle, session), _locales(session))
        found._check()
        return found

    def scores(self, pairs: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Return the logits (P,) of 1 or more pairs of any lengths.

        Raises:
            EngineUnavailable: when the run fails.
        """
        (logits,) = self._session.run([_OUTPUT], pairs, self._words)
        return logits

    def _check(self) -> None:
        rows = next((len(tensor) for tensor in self._words.values()), 0)
        last_token = rows + self.locales.token(UNDETERMINED)
        try:
            logits = self.scores([[_SHORTEST[0], last_token, *_SHORTEST[1:]]])
        except EngineUnavailable as error:
            raise _refused(f"does not run ({error})") from error
        if logits.dtype != np.float32 or logits.shape != (1,) or not np.isfinite(logits).all():
            raise _refused(f"answers one pair with {logits.dtype} {logits.tolist()}, not with one number in float32")


def _borrowed(bundle: Bundle, session: OnnxSession) -> dict[str, NDArray[Any]]:
    """Return what the graph reads beside the tokens, out of the bundle's model."""
    wanted = {name: signature for name, signature in session.inputs.items() if name != INPUT}
    model = OnnxSession.load(MODEL, bundle.read(MODEL), optimised=False)
    lacking = sorted(set(wanted) - model.outputs)
    if lacking:
        raise _refused(f"reads {lacking[0]}, which {MODEL} does not give")
    found = dict(zip(wanted, model.run(list(wanted), [_SHORTEST]), strict=True))
    for name, tensor in found.items():
        kind = f"tensor({_ONNX_NAME.get(tensor.dtype.name, tensor.dtype.name)})"
        if wanted[name] != (kind, list(tensor.shape)):
            raise _refused(f"reads {name} as {wanted[name]}, {MODEL} gives {(kind, list(tensor.shape))}")
    return found


def _locales(session: OnnxSession) -> Locales:
    try:
        tags = json.loads(session.facts.get(_LOCALES, ""))
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise _refused(f"says its locales are {tags!r}, which is no list of tags")
        return Locales(tags)
    except (ValueError, InvalidQuery) as error:
        raise _refused(f"does not say which locales it knows ({error})") from error


def _refused(fact: str) -> BundleRefused:
    return BundleRefused(RERANKER, fact, _REMEDY)
