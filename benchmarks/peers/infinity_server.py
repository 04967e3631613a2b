"""infinity-emb as its own command line starts it, with a torch newer than its optimum knows.

Runs in the peers' environment, with infinity's own arguments. Prints ``ready port=N`` once it answers.
"""

from __future__ import annotations

import socket
import sys
import threading
import time
from importlib import import_module


def _lend_exporter() -> None:
    """Put a module of torch's exporter where optimum looks for it; serving never calls it."""
    sys.modules["torch.onnx.symbolic_opset14"] = import_module(
        "torch.onnx._internal.torchscript_exporter.symbolic_opset14"
    )


def _tell_when_ready(port: int) -> None:
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
            continue
        print(f"ready port={port}", flush=True)
        return


if __name__ == "__main__":
    _lend_exporter()
    port = int(sys.argv[sys.argv.index("--port") + 1])
    threading.Thread(target=_tell_when_ready, args=(port,), daemon=True).start()
    import_module("infinity_emb.cli").cli()
