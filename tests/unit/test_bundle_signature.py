"""The signature of a bundle: what is unsigned, by another key or damaged is refused where a key is required."""

from __future__ import annotations

import hashlib
import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shelfsense.bundle import Bundle, write_bundle
from shelfsense.bundle_signature import SIGNATURE, TrustedKeys, fingerprint
from shelfsense.bundle_signing import sign_bundle
from shelfsense.errors import BundleRefused, CredentialsRefused
from shelfsense.signing_keys import SigningKey

MANIFEST: dict[str, Any] = {
    "bundle_version": "1.2.3",
    "label_space": "toy",
    "locales": ["de"],
    "backbone": {"max_tokens": 64},
    "embedding": {"width": 4},
}
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return SigningKey.generate()


@pytest.fixture
def folder(tmp_path: Path, key: SigningKey) -> Path:
    bundle = write_bundle(tmp_path / "bundle", MANIFEST, {"tokenizer.json": b"{}"})
    return sign_bundle(bundle.path, key).path


def trusting(*keys: SigningKey) -> TrustedKeys:
    return TrustedKeys(frozenset(key.public for key in keys))


def test_a_signed_bundle_opens_with_and_without_its_key(folder: Path, key: SigningKey) -> None:
    assert Bundle.open(folder, trusted=trusting(key)).signed_by == fingerprint(key.public)
    assert Bundle.open(folder).signed_by == fingerprint(key.public)


def test_an_unsigned_bundle_is_refused_only_where_a_key_is_required(folder: Path, key: SigningKey) -> None:
    (folder / SIGNATURE).unlink()
    assert Bundle.open(folder).signed_by == ""
    with pytest.raises(BundleRefused, match=r"manifest\.sig: is missing, and a signature is required; .*bundle sign"):
        Bundle.open(folder, trusted=trusting(key))


def test_another_key_is_refused_and_one_of_several_is_enough(folder: Path, key: SigningKey) -> None:
    other = SigningKey.generate()
    with pytest.raises(BundleRefused, match=f"by the key {fingerprint(key.public)}, which is not among"):
        Bundle.open(folder, trusted=trusting(other))
    assert Bundle.open(folder, trusted=trusting(other, key)).signed_by


@pytest.mark.parametrize("required", [True, False])
def test_any_flipped_bit_of_the_signature_is_refused(folder: Path, key: SigningKey, *, required: bool) -> None:
    whole = (folder / SIGNATURE).read_bytes()
    assert len(whole) == 96
    for place in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[place] ^= 1 << bit
            (folder / SIGNATURE).write_bytes(bytes(damaged))
            with pytest.raises(BundleRefused, match=r"manifest\.sig"):
                Bundle.open(folder, trusted=trusting(key) if required else None)
    (folder / SIGNATURE).write_bytes(whole)
    Bundle.open(folder, trusted=trusting(key))


@pytest.mark.parametrize("length", [0, 1, 64, 95, 97, 192])
def test_a_signature_of_another_length_is_refused(folder: Path, length: int) -> None:
    whole = (folder / SIGNATURE).read_bytes()
    (folder / SIGNATURE).write_bytes((whole * 2)[:length])
    with pytest.raises(BundleRefused, match=f"has {length} bytes, a signature has 96"):
        Bundle.open(folder)


def test_a_second_form_of_the_same_signature_is_refused(folder: Path, key: SigningKey) -> None:
    """S + L signs the same where a verifier does not check S < L (RFC 8032, section 5.1.7)."""
    whole = (folder / SIGNATURE).read_bytes()
    second = int.from_bytes(whole[64:], "little") + ED25519_ORDER
    (folder / SIGNATURE).write_bytes(whole[:64] + second.to_bytes(32, "little"))
    with pytest.raises(BundleRefused, match="is damaged"):
        Bundle.open(folder, trusted=trusting(key))


def test_a_manifest_that_was_changed_with_its_digest_is_refused(folder: Path, key: SigningKey) -> None:
    """What digests alone cannot find: somebody changed a file, and made every digest fit."""
    (folder / "tokenizer.json").write_bytes(b"[]")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["tokenizer.json"]["sha256"] = hashlib.sha256(b"[]").hexdigest()
    data = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sha256").write_text(hashlib.sha256(data).hexdigest() + "\n")
    for trusted in (trusting(key), None):
        with pytest.raises(BundleRefused, match="or of another manifest"):
            Bundle.open(folder, trusted=trusted)


def test_the_signature_of_another_bundle_is_refused(tmp_path: Path, folder: Path, key: SigningKey) -> None:
    other = write_bundle(tmp_path / "other", {**MANIFEST, "bundle_version": "2"}, {"tokenizer.json": b"{}"})
    shutil.copy(folder / SIGNATURE, other.path)
    with pytest.raises(BundleRefused, match="or of another manifest"):
        Bundle.open(other.path, trusted=trusting(key))


def test_a_second_signature_takes_the_place_of_the_first(folder: Path) -> None:
    other = SigningKey.generate()
    assert sign_bundle(folder, other).signed_by == fingerprint(other.public)
    assert {path.name for path in folder.parent.iterdir()} == {folder.name}  # nothing is left beside it


def test_a_bundle_written_in_the_place_of_a_signed_one_is_unsigned(folder: Path) -> None:
    assert write_bundle(folder, MANIFEST, {"tokenizer.json": b"{}"}).signed_by == ""


def test_a_damaged_bundle_is_not_signed(folder: Path, key: SigningKey) -> None:
    (folder / "tokenizer.json").write_bytes(b"[]")
    with pytest.raises(BundleRefused, match=r"tokenizer\.json"):
        sign_bundle(folder, key)


def test_keys_are_written_for_their_owner_and_never_replaced(tmp_path: Path, key: SigningKey, folder: Path) -> None:
    path = tmp_path / "signing.pem"
    key.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert SigningKey.load(path).public == key.public
    assert Bundle.open(folder, trusted=TrustedKeys.load(tmp_path / "signing.pem.pub")).signed_by
    with pytest.raises(CredentialsRefused, match="is there already"):
        SigningKey.generate().write(path)
    path.unlink()
    with pytest.raises(CredentialsRefused, match=r"pem\.pub: is there already"):
        SigningKey.generate().write(path)
    assert not path.exists()


def test_a_file_of_two_public_keys_trusts_both(tmp_path: Path) -> None:
    keys = [SigningKey.generate(), SigningKey.generate()]
    for i, each in enumerate(keys):
        each.write(tmp_path / f"{i}")
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "0.pub").read_bytes() + b"\nthe next one:\n" + (tmp_path / "1.pub").read_bytes())
    assert TrustedKeys.load(both) == trusting(*keys)


def test_keys_made_by_openssl_are_read(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", path], check=True)
    subprocess.run(["openssl", "pkey", "-in", path, "-pubout", "-out", tmp_path / "pub.pem"], check=True)
    assert TrustedKeys.load(tmp_path / "pub.pem") == trusting(SigningKey.load(path))


RSA_PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf
9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==
-----END PUBLIC KEY-----
"""


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (None, "is missing"),
        (b"", "holds no public key"),
        (b"\x00\xff" * 50, "holds no public key"),
        (RSA_PUBLIC, "no Ed25519 public key"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "no Ed25519 public key"),
    ],
)
def test_what_is_no_public_key_is_refused_by_name(tmp_path: Path, content: bytes | None, fact: str) -> None:
    path = tmp_path / "keys.pub"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CredentialsRefused, match=f"keys.pub: .*{fact}.*; .*keygen"):
        TrustedKeys.load(path)
    with pytest.raises(CredentialsRefused, match=r"keys\.pub"):
        SigningKey.load(path)


def test_a_private_key_is_not_taken_for_a_public_one(tmp_path: Path, key: SigningKey) -> None:
    key.write(tmp_path / "signing.pem")
    with pytest.raises(CredentialsRefused, match="holds a private key"):
        TrustedKeys.load(tmp_path / "signing.pem")
