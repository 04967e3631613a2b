"""The torch engine: the reference on a CPU, and the one that uses a GPU where there is one.

It runs the weights of ``model.onnx`` read back, so it answers within the int8 graph's rounding of
activations. On a GPU it runs in bfloat16, and batches are padded to a few static shapes, powers of two in queries and
tokens: a kernel is chosen and memory is laid out once for each of them, not for every batch that comes.
B queries, T tokens, L labels, E embedding, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput, of_text_tokens
from shelfsense.errors import EngineUnavailable
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel

_SHORTEST = 8  # tokens; shorter shapes save nothing
_NO_QUERY = (0, 2)  # <s> </s>, ids that every vocabulary has


class TorchEngine:
    """Runs the network in torch, float32 on a CPU and bfloat16 on a GPU. One caller at a time.

    Args:
        model: in evaluation mode.
        device: where it runs.
        static_shapes: pad batches to few shapes; None: on a GPU alone.
    """

    padding = 1.0

    def __init__(self, model: UnderstanderModel, device: torch.device, *, static_shapes: bool | None = None) -> None:
        self._model = model.to(device)
        self._device = device
        self._static_shapes = device.type == "cuda" if static_shapes is None else static_shapes

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int = 1) -> TorchEngine:
        """Read the bundle's weights back into the model; a GPU is used when torch sees one."""
        torch.set_num_threads(threads)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return cls(load_int8(bundle.read("model.onnx")), device)

    def run(self, token_ids: Sequence[Sequence[int]]) -> EngineOutput:
        """Answer a batch of 1 or more token sequences of any lengths.

        Raises:
            EngineUnavailable: when torch fails, for want of memory say.
        """
        queries, batch = len(token_ids), self._padded(token_ids)
        bfloat16 = self._device.type == "cuda"
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
                output = self._model(torch.from_numpy(batch).to(self._device))
                probabilities = self._model.classification.probabilities(output.logits)
                kinds = None if output.attributes is None else output.attributes.float().softmax(-1)  # (B, T, K)
        except RuntimeError as error:
            raise EngineUnavailable(f"torch failed ({error}); restart the server, or use the onnx engine") from error
        attributes = None if kinds is None else of_text_tokens(kinds[:queries].cpu().numpy(), token_ids)
        found, vectors = probabilities[:queries].float(), output.embeddings[:queries].float()
        return EngineOutput(found.cpu().numpy(), vectors.cpu().numpy(), attributes)

    def _padded(self, token_ids: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Return the batch (B, T); where shapes are static, B and T are powers of two."""
        queries, longest = len(token_ids), max(map(len, token_ids))
        if self._static_shapes:
            queries, longest = _next_power(queries), max(_SHORTEST, _next_power(longest))
        batch = np.full((queries, longest), self._model.backbone.pad_id, dtype=np.int64)
        batch[len(token_ids) :, : len(_NO_QUERY)] = _NO_QUERY  # attention over padding alone has no answer
        for row, ids in zip(batch, token_ids, strict=False):
            row[: len(ids)] = ids
        return batch


def _next_power(number: int) -> int:
    """Return the least power of two that is not less than a number of 1 or more."""
    return 1 << (number - 1).bit_length()
