"""The rules of one file for one bundle, found by query. Never changed: another file makes another table."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shelfsense.overrides.contradictions import contradictions
from shelfsense.overrides.override import Override, OverridesRefused, RowFault
from shelfsense.overrides.override_targets import OverrideTargets
from shelfsense.overrides.overrides_file import OverridesFile, read_overrides
from shelfsense.overrides.overriding import Overriding
from shelfsense.overrides.rule import Rule


@dataclass(frozen=True, slots=True)
class Checked:
    """A file held against a bundle.

    Attributes:
        rules: those in force, in the file's order.
        expired: those whose time is over; whether the bundle has what they name is not looked at.
        faults: what is wrong, by row.
    """

    rules: tuple[Rule, ...]
    expired: tuple[Override, ...]
    faults: tuple[RowFault, ...]


def check_overrides(file: OverridesFile, targets: OverrideTargets, now: float) -> Checked:
    """Hold a file against a bundle, at a time in Unix seconds."""
    faults = [row for row in file.rows if isinstance(row, RowFault)]
    overrides = [row for row in file.rows if isinstance(row, Override)]
    rules = []
    for override in overrides:
        if override.expired(now):
            continue
        rule = targets.rule(override)
        if isinstance(rule, RowFault):
            faults.append(rule)
        else:
            rules.append(rule)
    faults += contradictions(rules)
    bad = {fault.row for fault in faults}
    return Checked(
        rules=tuple(rule for rule in rules if rule.override.row not in bad),
        expired=tuple(override for override in overrides if override.expired(now)),
        faults=tuple(sorted(faults, key=lambda fault: fault.row)),
    )


class OverrideTable:
    """The rules in force, by query; any number of threads may ask.

    Args:
        rules: in the file's order; none contradicts another.
        targets: of the bundle that answers.
        digest: of the file; empty where there is none.

    Attributes:
        digest: as given.
        everywhere: a number that is another when rules for every query are others; 0 where there are none. It
            belongs into the key of whatever keeps answers.
    """

    def __init__(self, rules: Sequence[Rule], targets: OverrideTargets, digest: str = "") -> None:
        self.digest = digest
        self._targets = targets
        self._count = len(rules)
        self._of_query: dict[str, list[Rule]] = {}
        for rule in sorted(rules, key=lambda rule: bool(rule.locale)):  # a locale's own have the last word
            self._of_query.setdefault(rule.override.query, []).append(rule)
        of_all = self._of_query.pop("", [])
        locales = {rule.locale for rule in of_all}
        tags = (*targets.locales.tags, "und") if "" in locales else locales
        self._everywhere = {tag: {r.override.value: r for r in of_all if r.locale in ("", tag)} for tag in tags}
        self.everywhere = _number(repr(rule.override) for rule in of_all)

    @classmethod
    def none(cls, targets: OverrideTargets) -> OverrideTable:
        """Return a table without rules."""
        return cls((), targets)

    @classmethod
    def read(cls, data: bytes, targets: OverrideTargets, now: float) -> OverrideTable:
        """Read the bytes of a file for a bundle; what has expired by now, in Unix seconds, is left out.

        Raises:
            OverridesRefused: rows are bad; it lists all of them.
            InputRefused: it is no Parquet, or its columns are not those of the format.
        """
        file = read_overrides(data)
        checked = check_overrides(file, targets, now)
        if checked.faults:
            raise OverridesRefused(checked.faults)
        return cls(checked.rules, targets, file.digest)

    def __len__(self) -> int:
        """Return the number of rules, those that expired since it was read among them."""
        return self._count

    def affects(self, normal_form: str, locale: str) -> bool:
        """Return whether a query has rules of its own; its answer may change at any time, so it is not to be kept.

        Args:
            normal_form: of the query.
            locale: a tag of the bundle, or ``und``.
        """
        rules = self._of_query.get(normal_form)
        return rules is not None and any(rule.locale in ("", locale) for rule in rules)

    def find(self, normal_form: str, locale: str, now: float) -> Overriding | None:
        """Return what the rules say of a query, None where they say nothing.

        Args:
            normal_form: of the query.
            locale: a tag of the bundle, or ``und``.
            now: Unix seconds.
        """
        rules = self._of_query.get(normal_form)
        everywhere = self._everywhere.get(locale) if self._everywhere else None
        if rules is None and everywhere is None:
            return None
        own = [rule for rule in rules or () if rule.holds(locale, now)]
        if not own and everywhere is None:
            return None
        return Overriding.of(own, everywhere or {}, locale, now, self._targets)


def _number(texts: Iterable[str]) -> int:
    digest, any_at_all = hashlib.sha256(), False
    for text in texts:
        digest.update(text.encode())
        any_at_all = True
    return int.from_bytes(digest.digest()[:8], "big") if any_at_all else 0
