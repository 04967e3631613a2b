"""The network a bundle was made of, in float32: the reference that its int8 form is measured against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from shelfsense.bundle import Bundle
from shelfsense.engines.engine import EngineOutput, of_text_tokens
from shelfsense.errors import InputRefused
from shelfsense.models.onnx_weights import load_int8
from shelfsense.understander import Prepared
from shelfsense_training.batches import pad_batch
from shelfsense_training.checkpoints import load_checkpoint
from shelfsense_training.evaluation.scoring import Run


def float_run(bundle: Bundle, checkpoint: Path) -> Run:
    """Return what runs queries through the float weights, in a bundle's shape.

    Args:
        bundle: whose graph says the shape.
        checkpoint: the calibrated model's state, as the starter recipe saves it.

    Raises:
        InputRefused: when the file is missing or of another shape.
    """
    state = load_checkpoint(checkpoint)
    if state is None:
        raise InputRefused(f"{checkpoint} is missing; the starter recipe writes it beside its bundle")
    model = load_int8(bundle.read("model.onnx"))
    try:
        model.load_state_dict(state["model"])
    except RuntimeError as error:
        raise InputRefused(f"{checkpoint} does not fit the bundle's network: {error}") from error

    def run(prepared: Sequence[Prepared]) -> EngineOutput:
        token_ids = [each.token_ids for each in prepared]
        with torch.inference_mode():
            output = model(pad_batch(token_ids, model.backbone.pad_id))
            probabilities = model.classification.probabilities(output.logits)
        attributes = None
        if output.attributes is not None:
            attributes = of_text_tokens(output.attributes.softmax(-1).numpy(), token_ids)
        return EngineOutput(probabilities.numpy(), output.embeddings.numpy(), attributes)

    return run
