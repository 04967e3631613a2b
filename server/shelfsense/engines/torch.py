"""The torch engine: the reference on a CPU, and the one that uses a GPU where there is one.

It runs the weights of ``model.onnx`` read back, so it answers within the int8 graph's rounding of
activations. B queries, T tokens, L labels, E embedding, K kinds of attributes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput, of_text_tokens
from shelfsense.errors import EngineUnavailable
from shelfsense.models.onnx_weights import load_int8
from shelfsense.models.understander_model import UnderstanderModel


class TorchEngine:
    """Runs the network in torch, float32 on a CPU and bfloat16 on a GPU. One caller at a time.

    Args:
        model: in evaluation mode.
        device: where it runs.
    """

    padding = 1.0

    def __init__(self, model: UnderstanderModel, device: torch.device) -> None:
        self._model = model.to(device)
        self._device = device

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
        width = max(map(len, token_ids))
        batch = np.full((len(token_ids), width), self._model.backbone.pad_id, dtype=np.int64)
        for row, ids in zip(batch, token_ids, strict=True):
            row[: len(ids)] = ids
        bfloat16 = self._device.type == "cuda"
        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
                output = self._model(torch.from_numpy(batch).to(self._device))
                probabilities = self._model.classification.probabilities(output.logits)
                kinds = None if output.attributes is None else output.attributes.float().softmax(-1)  # (B, T, K)
        except RuntimeError as error:
            raise EngineUnavailable(f"torch failed ({error}); restart the server, or use the onnx engine") from error
        attributes = None if kinds is None else of_text_tokens(kinds.cpu().numpy(), token_ids)
        return EngineOutput(probabilities.float().cpu().numpy(), output.embeddings.float().cpu().numpy(), attributes)
