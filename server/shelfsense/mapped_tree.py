"""A shop's own tree in a bundle: its types, how ours become theirs, and the thresholds of theirs.

The file ``type_map.json`` of a bundle that has one. The network, product_types.json and thresholds.json
stay as they were: reformulation goes on by our types and by its own thresholds.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from shelfsense.bundle import Bundle
from shelfsense.errors import BundleRefused, InputRefused
from shelfsense.product_types import ProductTypes
from shelfsense.strict_json import read_json
from shelfsense.thresholds import Thresholds
from shelfsense.type_map import MapEntry, TypeMap

TYPE_MAP = "type_map.json"
"""The file's name in a bundle."""

_OF_REFORMULATION = ("reformulation", "reformulation_evidence")
_REMEDY = "write the map again with shelfsense-train map-tree, or use another bundle"


@dataclass(frozen=True, slots=True)
class MappedTree:
    """A shop's tree, answered by a network that knows ours.

    Attributes:
        type_map: from our types to theirs.
        thresholds: of their types, and the bundle's own of reformulations.
    """

    type_map: TypeMap
    thresholds: Thresholds

    @classmethod
    def load(cls, bundle: Bundle, ours: ProductTypes, thresholds: Thresholds) -> MappedTree | None:
        """Read a bundle's map, None where it has none.

        Args:
            bundle: a verified bundle.
            ours: the tree of its network.
            thresholds: of its network; the locales and the reformulations are taken from them.

        Raises:
            BundleRefused: saying what is wrong with the file.
        """
        return cls.from_json(bundle.read(TYPE_MAP), ours, thresholds) if bundle.has(TYPE_MAP) else None

    @classmethod
    def from_json(cls, data: bytes, ours: ProductTypes, thresholds: Thresholds) -> MappedTree:
        """Read the form that `to_json` writes; see `load`."""
        try:
            table = read_json(data)
            theirs = ProductTypes.from_json(json.dumps(table["product_types"]).encode())
            entries = [MapEntry(str(mine), str(other), float(weight)) for mine, other, weight in table["entries"]]
            type_map = TypeMap(ours, theirs, entries)
            found = Thresholds.from_json(_whole(table["thresholds"], thresholds))
            found.require(thresholds.by_locale, theirs.depth)
        except BundleRefused as error:
            raise BundleRefused(TYPE_MAP, f"its thresholds: {error.fact}", _REMEDY) from error
        except InputRefused as error:
            raise BundleRefused(TYPE_MAP, str(error), _REMEDY) from error
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            fact = f"is not the expected JSON ({type(error).__name__}: {error})"
            raise BundleRefused(TYPE_MAP, fact, _REMEDY) from error
        return cls(type_map, found)

    def to_json(self) -> bytes:
        """Return the map as UTF-8 JSON; thresholds of reformulations are thresholds.json's and left out."""
        thresholds = json.loads(self.thresholds.to_json())
        locales = {
            tag: {key: value for key, value in entry.items() if key not in _OF_REFORMULATION}
            for tag, entry in thresholds["locales"].items()
        }
        table = {
            "product_types": json.loads(self.type_map.theirs.to_json()),
            "entries": [[entry.ours, entry.theirs, entry.weight] for entry in self.type_map.entries],
            "thresholds": {"locales": locales},
        }
        return json.dumps(table, ensure_ascii=False, indent=0).encode()


def _whole(table: Any, ours: Thresholds) -> bytes:
    """Return their thresholds in the form of thresholds.json, what they lack filled in from ours."""
    kept = json.loads(ours.to_json())
    locales = {
        tag: {**entry, **{key: kept["locales"][tag][key] for key in _OF_REFORMULATION}}
        for tag, entry in table["locales"].items()
        if tag in kept["locales"]
    }
    return json.dumps({**kept, "locales": locales}).encode()
