"""Lets the other bundle read what one has answered, and counts where they differ. Never keeps a caller waiting."""

from __future__ import annotations

import asyncio
import logging

from shelfsense.errors import ShelfsenseError
from shelfsense.query import Options
from shelfsense.serving.bundles import Bundles
from shelfsense.serving.errors import trace
from shelfsense.serving.kinds import UNDERSTAND, Kind
from shelfsense.serving.loaded_bundle import LoadedBundle
from shelfsense.serving.trial import Trial
from shelfsense.understander import Normalised
from shelfsense.understanding import Understanding

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 4  # a comparison is dropped rather than let a second engine take the first one's core
_PATIENCE_S = 1.0


class Comparing:
    """Compares the bundle on trial with the serving one.

    Args:
        bundles: both of them.
    """

    def __init__(self, bundles: Bundles) -> None:
        self._bundles = bundles
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, by: LoadedBundle, asked: Normalised, kind: Kind, options: Options, answer: Understanding) -> None:
        """Let the other bundle read a query in the background, if the trial reads it and there is room.

        Args:
            by: the bundle that answered.
            asked: the query.
            kind: what was asked.
            options: how much was answered.
            answer: of that bundle.
        """
        trial = self._bundles.trial
        if kind is not UNDERSTAND:  # only a whole answer can be compared as a whole
            return
        if trial is None or len(self._tasks) >= _MOST_AT_ONCE or not trial.reads(asked.normal_form):
            return
        other = self._bundles.serving if by is trial.loaded else trial.loaded
        if other is by:
            return
        task = asyncio.create_task(self._compare(trial, other, asked, options, answer), name="compare")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _compare(
        self, trial: Trial, other: LoadedBundle, asked: Normalised, options: Options, answer: Understanding
    ) -> None:
        expires = asyncio.get_running_loop().time() + _PATIENCE_S
        try:
            with other:
                other.queries += 1
                understander = other.understander
                prepared = understander.prepare(asked.query)
                found = (await other.passes.of(prepared, UNDERSTAND, options, expires=expires)).result
                second = understander.answer(prepared, found.row, options, ranked=found.ranked, reranked=found.reranked)
        except ShelfsenseError as error:
            _log.debug("a comparison was dropped: %s", trace(error))
            return
        trial.differences.count(*((answer, second) if other is trial.loaded else (second, answer)))
