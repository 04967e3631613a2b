"""Puts a signature into a bundle folder."""

from __future__ import annotations

import tempfile
from pathlib import Path

from shelfsense.bundle import MANIFEST, Bundle
from shelfsense.bundle_signature import SIGNATURE, TrustedKeys
from shelfsense.signing_keys import SigningKey


def sign_bundle(path: Path, key: SigningKey) -> Bundle:
    """Verify a bundle, sign its manifest, and return it verified by that key; a signature there is replaced.

    Raises:
        BundleRefused: the folder is not what its manifest promises, or changed meanwhile.
        OSError: the folder, or the one it lies in, cannot be written to.
    """
    folder = Bundle.open(path).path.resolve()
    signature = key.public + key.sign((folder / MANIFEST).read_bytes())
    # Beside the folder and then moved: a server that opens the bundle meanwhile must find no half a file.
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as beside:
        written = Path(beside) / SIGNATURE
        written.write_bytes(signature)
        written.replace(folder / SIGNATURE)
    return Bundle.open(path, trusted=TrustedKeys(frozenset((key.public,))))
