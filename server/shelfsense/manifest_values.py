"""What a bundle's manifest says beyond its list of files, checked. Knows no other file of the bundle."""

from __future__ import annotations

from shelfsense.bundle import MANIFEST, Bundle
from shelfsense.errors import BundleRefused, InvalidQuery
from shelfsense.locales import UNDETERMINED, Locales

_REMEDY = "use a bundle whose files were written together"


def manifest_locales(bundle: Bundle) -> Locales:
    """Return the locales of a bundle.

    Raises:
        BundleRefused: they are no list of different BCP 47 tags, or ``und`` is among them.
    """
    tags = bundle.manifest["locales"]
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags) or UNDETERMINED in tags:
        raise BundleRefused(MANIFEST, "locales is no list of tags without und", _REMEDY)
    if len(set(tags)) != len(tags):
        raise BundleRefused(MANIFEST, "locales names one twice, so their tokens cannot be told", _REMEDY)
    try:
        return Locales(tags)
    except InvalidQuery as error:
        raise BundleRefused(MANIFEST, f"locales: {error.message}", _REMEDY) from error


def manifest_number(bundle: Bundle, section: str, key: str) -> int:
    """Return a whole number of 1 or more, as ``embedding``, ``width``.

    Raises:
        BundleRefused: it is missing, or anything else.
    """
    table = bundle.manifest[section]
    value = table.get(key) if isinstance(table, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BundleRefused(MANIFEST, f"{section}.{key} is {value!r}, not a number of 1 or more", _REMEDY)
    return value
