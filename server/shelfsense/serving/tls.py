"""TLS of a listener: certificates read from files, checked before use, and read again when they change.

gRPC alone would accept any bytes, and fail at the first handshake without a word.
"""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc

from shelfsense.errors import CredentialsRefused
from shelfsense.serving.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The PEM files of a listener.

    Attributes:
        certificate: the server's, followed by its chain.
        key: its private key, without a password.
        client_authority: authorities of the client certificates that are demanded; None: none is.
    """

    certificate: Path
    key: Path
    client_authority: Path | None = None

    def read(self) -> grpc.ServerCertificateConfiguration:
        """Return what the files hold, checked.

        Raises:
            CredentialsRefused: naming the file, the fact and the remedy.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        chain = _certificates(self.certificate, "--tls-certificate", context)
        key = _pem(self.key, b"PRIVATE KEY", "--tls-key")
        if b"ENCRYPTED" in key:  # asked about here, since ssl would ask the terminal for the password
            raise CredentialsRefused(str(self.key), "has a password", "write it without: openssl pkey -in KEY -out NEW")
        try:
            context.load_cert_chain(self.certificate, self.key)
        except OSError as error:  # ssl.SSLError is one
            reason = getattr(error, "reason", None) or error.strerror
            fact = f"cannot be used ({reason})"
            if reason == "KEY_VALUES_MISMATCH":
                fact = f"is not the key of {self.certificate}"
            remedy = "name the key that the certificate was issued for"
            raise CredentialsRefused(str(self.key), fact, remedy) from None
        authority = None
        if self.client_authority is not None:
            authority = _certificates(self.client_authority, "--tls-client-authority", context)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authority)

    def look(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what differs when a file is replaced."""
        return tuple(_look(each) for each in (self.certificate, self.key, self.client_authority) if each is not None)


class Certificates:
    """Hands the newest good certificates to each handshake.

    Args:
        files: where they are.
    """

    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._seen: tuple[tuple[int, int, int] | None, ...] = ()
        self._lock = threading.Lock()

    def credentials(self) -> grpc.ServerCredentials:
        """Return credentials for a port, which follow the files from now on.

        Raises:
            CredentialsRefused: naming the file, the fact and the remedy.
        """
        self._seen = self._files.look()
        first = self._files.read()
        return grpc.dynamic_ssl_server_credentials(
            first,
            self._newest,  # type: ignore[arg-type]  # None, for no change, is gRPC's own contract
            require_client_authentication=self._files.client_authority is not None,
        )

    def _newest(self) -> grpc.ServerCertificateConfiguration | None:
        """Return the certificates if they changed, else None; called by gRPC's threads before a handshake.

        Files are replaced one after the other: a certificate whose key is not there yet is left alone, and
        looked at again when the next file changes.
        """
        with self._lock:
            seen = self._files.look()
            if seen == self._seen:
                return None
            self._seen = seen
            try:
                newest = self._files.read()
            except CredentialsRefused as error:
                _log.error("the certificate stays as it was: %s", error)
                return None
            _log.info("read the certificate %s again", self._files.certificate.name)
            return newest


def public_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return the credentials of the public port; None where it speaks plain text.

    Raises:
        CredentialsRefused: naming the file, the fact and the remedy.
    """
    return _credentials(settings, settings.tls_client_authority, "--tls-client-authority")


def admin_credentials(settings: Settings) -> grpc.ServerCredentials | None:
    """Return the credentials of the admin port: the server's certificate, and its own client authority.

    Raises:
        CredentialsRefused: naming the file, the fact and the remedy.
    """
    if settings.admin_client_authority is not None:
        return _credentials(settings, settings.admin_client_authority, "--admin-client-authority")
    return public_credentials(settings)


def _credentials(settings: Settings, authority: Path | None, option: str) -> grpc.ServerCredentials | None:
    if settings.tls_certificate is None or settings.tls_key is None:
        if settings.tls_certificate is not None:
            raise CredentialsRefused("--tls-certificate", "is set without --tls-key", "set both, or none")
        if settings.tls_key is not None:
            raise CredentialsRefused("--tls-key", "is set without --tls-certificate", "set both, or none")
        if authority is not None:
            fact = "is set, but client certificates are part of TLS"
            raise CredentialsRefused(option, fact, "set --tls-certificate and --tls-key too")
        return None
    return Certificates(TlsFiles(settings.tls_certificate, settings.tls_key, authority)).credentials()


def _certificates(path: Path, option: str, context: ssl.SSLContext) -> bytes:
    data = _pem(path, b"CERTIFICATE", option)
    try:
        context.load_verify_locations(cadata=data.decode("ascii", "replace"))
    except (ssl.SSLError, ValueError):
        raise CredentialsRefused(str(path), "holds a certificate that cannot be parsed", "issue it again") from None
    return data


def _pem(path: Path, kind: bytes, option: str) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        fact = "is missing" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise CredentialsRefused(str(path), fact, f"name a PEM file with {option}") from error
    if b"-----BEGIN " not in data or kind + b"-----" not in data:
        raise CredentialsRefused(str(path), f"is no PEM file with a {kind.decode()}", f"name one with {option}")
    return data


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
