"""Changes JSON so that it stays JSON: what a file of the right form may still have wrong in it."""

from __future__ import annotations

import json
import random
from typing import Any

_ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 0.5, -0.0, 1e308, -1e308, 10**400, 2**63, float("nan"), float("inf")),
    *("", "0", "und", "a\0b", "\ud800", "\u202e", "..", "/", "../x", "x" * 2000, "en", "ZZ"),
    *([], {}, [[]], [0], {"": 0}, [[0, 0]], [["a", "b", "c"]]),
)
_MOST_CHANGES = 3


def mutated_json(data: bytes, seed: int) -> bytes:
    """Return JSON with a few of its values replaced, dropped, doubled, exchanged or nested; other bytes as they are."""
    try:
        root = json.loads(data)
    except (ValueError, RecursionError):
        return data
    chance = random.Random(seed)
    for _ in range(chance.randint(1, _MOST_CHANGES)):
        places = list(_places(root))
        if not places:
            return json.dumps(chance.choice(_ODD)).encode()
        holder, key = chance.choice(places)
        _change(holder, key, chance)
    return json.dumps(root).encode()


def _places(root: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    left = [root]
    while left:
        each = left.pop()
        keys = list(each) if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ()
        found += [(each, key) for key in keys]
        left += [each[key] for key in keys]
    return found


def _change(holder: Any, key: Any, chance: random.Random) -> None:
    way = chance.randrange(6)
    if way == 0:
        del holder[key]
    elif way == 1 and isinstance(holder, list):
        holder.append(json.loads(json.dumps(holder[key])))
    elif way == 1:
        holder[str(chance.choice(_ODD))] = holder.pop(key)
    elif way == 2:
        others = list(holder) if isinstance(holder, dict) else range(len(holder))
        other = chance.choice(list(others))
        holder[key], holder[other] = holder[other], holder[key]
    elif way == 3:
        holder[key] = [holder[key]] if chance.random() < 0.5 else {"": holder[key]}
    else:
        holder[key] = chance.choice(_ODD)
