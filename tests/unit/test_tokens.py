"""Bearer tokens: who is let in, how much each may ask, and what happens when the file changes."""

from __future__ import annotations

import logging
import math
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shelfsense.errors import CredentialsRefused
from shelfsense.serving.errors import RateExceeded, Unauthenticated
from shelfsense.serving.token_file import TokenEntry, append_token, digest_of, moment, new_token, read_tokens
from shelfsense.serving.tokens import Tokens

DIGEST = "ab" * 32


class Clock:
    """A clock that stands until told."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


class Door:
    """A file of tokens with two callers, and the tokens loaded from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock, self.wall = Clock(), Clock(moment("2026-06-01"))
        self.page, self.nightly = new_token(), new_token()
        append_token(path, TokenEntry("page", digest_of(self.page), rate=10, burst=20))
        append_token(path, TokenEntry("nightly", digest_of(self.nightly), expires=moment("2026-07-01")))
        self.tokens = Tokens.load(path, clock=self.clock, wall=self.wall)

    def write(self, text: str) -> None:
        self.path.write_text(text)
        self.clock.now += 2  # past the next look at the file

    def lines(self) -> list[str]:
        return self.path.read_text().splitlines(keepends=True)


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path / "tokens")


def bearing(token: str) -> list[tuple[str, str | bytes]]:
    return [("user-agent", "test"), ("authorization", f"Bearer {token}"), ("trace-bin", b"\x00")]


def test_a_known_token_is_answered_with_its_name(door: Door) -> None:
    assert door.tokens.authorise(bearing(door.page)) == "page"
    assert door.tokens.authorise([("authorization", f"bearer {door.nightly}")]) == "nightly"
    assert len(door.tokens) == 2


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        [("user-agent", "test")],
        [("authorization", "")],
        [("authorization", "Bearer ")],
        [("authorization", "Basic cGFnZTpwYWdl")],
        [("authorization", b"Bearer x")],
        bearing("shelfsense_of-somebody-else"),
        bearing("é" * 10),
        bearing("x" * 8000),
    ],
)
def test_whoever_brings_no_token_or_an_unknown_one_is_refused(
    door: Door, metadata: list[tuple[str, str | bytes]] | None
) -> None:
    with pytest.raises(Unauthenticated, match="authorization: Bearer TOKEN"):
        door.tokens.authorise(metadata)


def test_a_token_with_any_letter_changed_or_missing_is_refused(door: Door) -> None:
    for i, letter in enumerate(door.page):
        other = "x" if letter != "x" else "y"
        for wrong in (door.page[:i] + other + door.page[i + 1 :], door.page[:i] + door.page[i + 1 :]):
            with pytest.raises(Unauthenticated):
                door.tokens.authorise(bearing(wrong))


def test_the_hash_of_a_token_is_no_token(door: Door) -> None:
    with pytest.raises(Unauthenticated):
        door.tokens.authorise(bearing(digest_of(door.page).hex()))


def test_each_token_has_a_rate_of_its_own_and_a_batch_costs_its_queries(door: Door) -> None:
    door.tokens.authorise(bearing(door.page), cost=20)
    with pytest.raises(RateExceeded, match="'page' allows 10 queries per second") as refused:
        door.tokens.authorise(bearing(door.page), cost=5)
    assert refused.value.retry_after_s == pytest.approx(0.5)
    for _ in range(100):  # no rate, no limit
        door.tokens.authorise(bearing(door.nightly), cost=1024)
    door.clock.now += 0.5
    assert door.tokens.authorise(bearing(door.page), cost=5) == "page"


def test_a_call_without_queries_costs_nothing(door: Door) -> None:
    door.tokens.authorise(bearing(door.page), cost=1024)
    assert door.tokens.authorise(bearing(door.page), cost=0) == "page"


def test_a_token_ends_when_it_expires(door: Door) -> None:
    door.wall.now = moment("2026-06-30T23:59:59")
    assert door.tokens.authorise(bearing(door.nightly)) == "nightly"
    door.wall.now = moment("2026-07-01")
    with pytest.raises(Unauthenticated, match="'nightly' has expired"):
        door.tokens.authorise(bearing(door.nightly))


def test_a_line_that_is_deleted_or_appended_counts_within_a_second(door: Door) -> None:
    added = new_token()
    append_token(door.path, TokenEntry("added", digest_of(added)))
    door.path.write_text("".join(line for line in door.lines() if not line.startswith("nightly")))
    assert door.tokens.authorise(bearing(door.nightly)) == "nightly"  # not looked at yet
    door.clock.now += 1.0
    assert door.tokens.authorise(bearing(added)) == "added"
    with pytest.raises(Unauthenticated):
        door.tokens.authorise(bearing(door.nightly))


def test_reading_the_file_again_gives_nobody_a_fresh_burst(door: Door) -> None:
    door.tokens.authorise(bearing(door.page), cost=220)  # 200 owed, 20 s
    door.write("# a comment\n" + "".join(door.lines()))
    with pytest.raises(RateExceeded):
        door.tokens.authorise(bearing(door.page))


@pytest.mark.parametrize("broken", ["page sha256=zz", "page", "\xff".encode("latin-1")])
def test_a_bad_file_is_refused_with_its_line_and_the_tokens_stay(
    door: Door, broken: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    old = "".join(door.lines())
    door.path.write_bytes(old.encode() + (broken if isinstance(broken, bytes) else broken.encode()) + b"\n")
    door.clock.now += 2
    assert door.tokens.authorise(bearing(door.page)) == "page"
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "stay as they were" in record.message
    assert "line 3" in record.message or "not UTF-8" in record.message
    door.clock.now += 2
    door.tokens.authorise(bearing(door.page))
    assert len(caplog.records) == 1  # said once, not each second
    door.write(old)
    assert door.tokens.authorise(bearing(door.nightly)) == "nightly"


def test_a_file_that_vanishes_keeps_its_tokens_and_an_empty_one_lets_nobody_in(door: Door) -> None:
    door.path.unlink()
    door.clock.now += 2
    assert door.tokens.authorise(bearing(door.page)) == "page"
    door.write("")
    with pytest.raises(Unauthenticated):
        door.tokens.authorise(bearing(door.page))


def test_neither_errors_nor_logs_nor_the_file_hold_a_token(door: Door, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    said = []
    for cost, token in ((9999, door.page), (1, door.page), (1, "shelfsense_secret")):
        try:
            door.tokens.authorise(bearing(token), cost)
        except (Unauthenticated, RateExceeded) as error:
            said.append(str(error))
    door.write(f"{door.page} sha256={DIGEST}\nx y=z\n")  # the token itself, where its name belongs
    door.tokens.authorise(bearing(door.nightly))
    said += [record.getMessage() for record in caplog.records] + ["".join(door.lines()[2:])]
    assert len(said) == 4
    for text in said:
        assert door.page not in text
        assert "secret" not in text


def test_a_token_has_32_random_bytes_and_only_letters_that_a_header_may_hold() -> None:
    tokens = {new_token() for _ in range(100)}
    assert len(tokens) == 100
    for token in tokens:
        assert len(token.removeprefix("shelfsense_")) == 43  # 32 bytes, six bits a letter
        assert token.isascii()
        assert token.isprintable()
        assert " " not in token


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    entries = [
        TokenEntry("a", bytes(32)),
        TokenEntry("b.c-d_1", bytes(31) + b"\x01", rate=0.5, burst=3, expires=moment("2027-01-01T09:30:00+01:00")),
    ]
    for entry in entries:
        append_token(path, entry)
    assert read_tokens(path) == entries
    assert datetime.fromtimestamp(entries[1].expires, UTC).hour == 8


def test_the_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    append_token(tmp_path / "tokens", TokenEntry("a", bytes(32)))
    os.umask(before)
    assert stat.S_IMODE((tmp_path / "tokens").stat().st_mode) == 0o600


def test_a_line_is_appended_behind_one_that_lacks_its_end(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(f"a sha256={DIGEST}")
    append_token(tmp_path / "tokens", TokenEntry("b", bytes(32)))
    assert [entry.name for entry in read_tokens(tmp_path / "tokens")] == ["a", "b"]


def test_a_second_token_of_one_name_is_refused_and_the_file_stays(tmp_path: Path) -> None:
    append_token(tmp_path / "tokens", TokenEntry("a", bytes(32)))
    before = (tmp_path / "tokens").read_bytes()
    with pytest.raises(CredentialsRefused, match="has a token a"):
        append_token(tmp_path / "tokens", TokenEntry("a", bytes([1] * 32)))
    assert (tmp_path / "tokens").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "fact"),
    [
        ("two words", "after the name"),
        (f"sl/ash sha256={DIGEST}", "the name is not of letters"),
        ("a", "sha256 is not 64"),
        (f"a sha256={DIGEST.upper()}", "sha256 is not 64"),
        (f"a sha256={DIGEST[:-1]}", "sha256 is not 64"),
        (f"a sha256={DIGEST} sha256={DIGEST}", "expected once"),
        (f"a sha256={DIGEST} rate=", "each with its value"),
        (f"a sha256={DIGEST} rate=fast", "rate is no number"),
        (f"a sha256={DIGEST} rate=-1", "rate is no number"),
        (f"a sha256={DIGEST} rate=nan", "rate is no number"),
        (f"a sha256={DIGEST} rate=inf", "rate is no number"),
        (f"a sha256={DIGEST} rate=5 burst=0.5", "burst is no number"),
        (f"a sha256={DIGEST} burst=5", "burst is given without rate"),
        (f"a sha256={DIGEST} expires=soon", "expires is no date"),
        (f"first sha256={'cd' * 32}", "the name first is there twice"),
        (f"a sha256={'00' * 32}", "the token of a is there twice"),
    ],
)
def test_a_wrong_line_is_refused_by_its_number(tmp_path: Path, line: str, fact: str) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"# who may ask\n\nfirst sha256={'00' * 32}\n{line}\n")
    with pytest.raises(CredentialsRefused, match=f"tokens, line 4: .*{fact}"):
        read_tokens(path)


def test_a_missing_file_is_refused_with_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(CredentialsRefused, match="shelfsense tokens new"):
        Tokens.load(tmp_path / "nothing")


def test_an_absent_burst_is_what_comes_back_in_a_second(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(
        f"a sha256={DIGEST} rate=40\nb sha256={'cd' * 32} rate=0.1\nc sha256={'ef' * 32}\n"
    )
    assert [entry.burst for entry in read_tokens(tmp_path / "tokens")] == [40, 1, math.inf]
