"""Equal questions at a time: one is answered, the others wait for it; nobody waits for one who left."""

from __future__ import annotations

import pytest

from shelfsense.serving.single_flight import LeaderLeft, SingleFlight


async def test_who_asks_second_gets_the_first_ones_answer() -> None:
    flights: SingleFlight[str, bytes] = SingleFlight()
    assert flights.lead("shoes")
    assert not flights.lead("shoes")
    assert flights.lead("boots")
    second, third = flights.join("shoes"), flights.join("shoes")
    flights.land("shoes", b"answer")
    assert await second == await third == b"answer"
    assert (len(flights), flights.joined) == (1, 2)


async def test_an_error_of_the_question_reaches_all_who_wait() -> None:
    flights: SingleFlight[str, bytes] = SingleFlight()
    assert flights.lead("shoes")
    waiting = flights.join("shoes")
    flights.fail("shoes", ValueError("no such thing"))
    with pytest.raises(ValueError, match="no such thing"):
        await waiting


async def test_a_leader_who_leaves_lets_the_next_one_lead() -> None:
    flights: SingleFlight[str, bytes] = SingleFlight()
    assert flights.lead("shoes")
    waiting = flights.join("shoes")
    flights.leave("shoes")
    with pytest.raises(LeaderLeft):
        await waiting
    assert flights.lead("shoes")


async def test_leaving_after_landing_changes_nothing() -> None:
    flights: SingleFlight[str, bytes] = SingleFlight()
    assert flights.lead("shoes")
    waiting = flights.join("shoes")
    flights.land("shoes", b"answer")
    flights.leave("shoes")
    assert await waiting == b"answer"


async def test_one_who_stopped_waiting_is_no_obstacle() -> None:
    flights: SingleFlight[str, bytes] = SingleFlight()
    assert flights.lead("shoes")
    gone, waiting = flights.join("shoes"), flights.join("shoes")
    gone.cancel()
    flights.land("shoes", b"answer")
    assert await waiting == b"answer"
