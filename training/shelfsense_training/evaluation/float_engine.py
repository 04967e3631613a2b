"""The network a bundle was made of, in float32: the reference that its int8 form is measured against."""

from __future__ import annotations

from pathlib import Path

import torch

from shelfsense.bundle import Bundle
from shelfsense.engines.torch import TorchEngine
from shelfsense.errors import InputRefused
from shelfsense.models.onnx_weights import load_int8
from shelfsense_training.checkpoints import load_checkpoint


def float_engine(bundle: Bundle, checkpoint: Path) -> TorchEngine:
    """Return an engine of the float weights in a bundle's shape.

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
    return TorchEngine(model, torch.device("cpu"))
