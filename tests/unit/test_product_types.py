"""Product types: a tree in model order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from shelfsense.errors import InputRefused
from shelfsense.product_types import ProductTypeNode, ProductTypes

#   a ─ a1 ─ a1x      b ─ b1
#     └ a2
NODES = [
    ProductTypeNode("a", "", "Apparel"),
    ProductTypeNode("b", "", "Bags"),
    ProductTypeNode("a1", "a", "Shoes"),
    ProductTypeNode("b1", "b", "Backpacks"),
    ProductTypeNode("a2", "a", "Hats"),
    ProductTypeNode("a1x", "a1", "Boots"),
]
TREE = ProductTypes("toy", NODES)


def test_levels_parents_and_paths_follow_from_the_rows() -> None:
    assert TREE.level.tolist() == [1, 1, 2, 2, 2, 3]
    assert TREE.parent.tolist() == [-1, -1, 0, 1, 0, 2]
    assert TREE.paths[5] == ("Apparel", "Shoes", "Boots")
    assert TREE.depth == 3
    assert len(TREE) == 6


def test_ancestors_run_from_the_type_to_its_root() -> None:
    assert TREE.ancestors(5) == [5, 2, 0]
    assert [TREE.at_level(5, level) for level in (1, 2, 3)] == [0, 2, 5]
    assert TREE.at_level(1, 2) == -1


def test_a_parent_is_raised_to_its_likeliest_child_through_every_level() -> None:
    probabilities = np.array([[0.1, 0.9, 0.2, 0.3, 0.4, 0.7]], dtype=np.float32)
    raised = TREE.monotone(probabilities)
    assert raised.tolist() == [pytest.approx([0.7, 0.9, 0.7, 0.3, 0.4, 0.7])]
    assert probabilities[0, 0] == np.float32(0.1)  # the input stays


@given(hnp.arrays(np.float32, (3, 6), elements=st.floats(0, 1, width=32)))
def test_no_child_is_likelier_than_its_parent(probabilities: NDArray[np.float32]) -> None:
    raised = TREE.monotone(probabilities)
    children = np.flatnonzero(TREE.parent >= 0)
    assert (raised[:, children] <= raised[:, TREE.parent[children]]).all()
    assert (raised >= probabilities).all()
    assert (TREE.monotone(raised) == raised).all()


def test_a_tree_of_roots_alone_is_left_as_it_is() -> None:
    flat = ProductTypes("flat", NODES[:2])
    assert flat.monotone(np.array([[0.2, 0.1]], dtype=np.float32)).tolist() == [pytest.approx([0.2, 0.1])]


def test_json_gives_back_the_same_tree() -> None:
    again = ProductTypes.from_json(TREE.to_json())
    assert again.nodes == TREE.nodes
    assert again.label_space == "toy"


def test_a_table_may_come_in_any_order() -> None:
    rows = [{"id": node.id, "parent_id": node.parent_id, "name": node.name} for node in reversed(NODES)]
    assert set(ProductTypes.from_table("toy", rows).nodes) == set(NODES)


@pytest.mark.parametrize(
    ("rows", "fact"),
    [
        ([("a", "", "A"), ("a", "", "B")], "occurs twice"),
        ([("a", "gone", "A")], "gone has no row"),
        ([("a", "b", "A"), ("b", "a", "B")], "lies on a cycle"),
    ],
)
def test_a_table_that_is_no_tree_is_refused(rows: list[tuple[str, str, str]], fact: str) -> None:
    with pytest.raises(InputRefused, match=fact):
        ProductTypes.from_table("toy", [{"id": i, "parent_id": parent, "name": name} for i, parent, name in rows])


def test_a_child_before_its_parent_is_refused() -> None:
    with pytest.raises(InputRefused, match="must come before it"):
        ProductTypes("toy", [NODES[2], NODES[0]])


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"{}", b'{"label_space":"x","nodes":[[1]]}'])
def test_other_json_is_refused(data: bytes) -> None:
    with pytest.raises(InputRefused, match="product types"):
        ProductTypes.from_json(data)


def test_a_parent_is_the_mean_of_itself_and_its_children_together() -> None:
    tree = ProductTypes.from_table("two", [{"id": "a", "parent_id": "", "name": "A"}, *CHILDREN])
    found = tree.coherent(np.array([[0.3, 0.2, 0.1], [0.1, 0.9, 0.8], [0.0, 0.9, 0.0]], dtype=np.float32))
    # (0.3 + 0.3) / 2; children together are at most 1: (0.1 + 1) / 2 is less than the likeliest child.
    assert found[:, 0].tolist() == pytest.approx([0.3, 0.9, 0.9])
    assert found[:, 1:].tolist() == [pytest.approx([0.2, 0.1]), pytest.approx([0.9, 0.8]), pytest.approx([0.9, 0.0])]


CHILDREN = ({"id": "a-1", "parent_id": "a", "name": "A1"}, {"id": "a-2", "parent_id": "a", "name": "A2"})
