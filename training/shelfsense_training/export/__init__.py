"""From the torch network to the int8 ONNX graph of a bundle, and back."""
