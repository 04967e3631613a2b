"""Every error Shelfsense raises on purpose: each says the fact and the next step.

Knows nothing of gRPC or exit codes; `serving/wire.py` and the command line translate.
"""

from __future__ import annotations


class ShelfsenseError(Exception):
    """Base of all errors that are ours."""


class InvalidQuery(ShelfsenseError):
    """A request that cannot be answered as it stands.

    Args:
        field: the request field at fault, in the wire's own spelling (``text``, ``locale``, ``top_k``).
        message: the fact and what to send instead.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class BundleRefused(ShelfsenseError):
    """A bundle folder that is not what its manifest promises.

    Args:
        file: the file at fault, relative to the bundle folder.
        fact: what is wrong with it.
        remedy: what the operator does next.
    """

    def __init__(self, file: str, fact: str, remedy: str) -> None:
        super().__init__(f"bundle refused: {file}: {fact}; {remedy}")
        self.file = file
        self.fact = fact
        self.remedy = remedy


class InputRefused(ShelfsenseError):
    """An input file or table that cannot be read as what it should be."""


class EngineUnavailable(ShelfsenseError):
    """The inference engine could not be started, or died."""


class MissingExtra(ShelfsenseError):
    """A part of Shelfsense that was not installed is needed.

    Args:
        extra: the name of the extra, as in ``pip install 'shelfsense[server]'``.
        missing: the module that could not be imported.
    """

    def __init__(self, extra: str, missing: str) -> None:
        super().__init__(
            f"this needs the extra '{extra}' ({missing} is not installed): pip install 'shelfsense[{extra}]'"
        )
        self.extra = extra


class CredentialsRefused(InputRefused):
    """A certificate, key or token file of the operator's that is not what it should be.

    Args:
        file: the file at fault, or the option that lacks it.
        fact: what is wrong with it; never what it holds.
        remedy: what the operator does next.
    """

    def __init__(self, file: str, fact: str, remedy: str) -> None:
        super().__init__(f"{file}: {fact}; {remedy}")
        self.file = file
        self.fact = fact
        self.remedy = remedy
