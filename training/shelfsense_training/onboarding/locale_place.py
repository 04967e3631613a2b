"""Where an onboarded locale stands among a bundle's locales, and what its weights start from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import langcodes
import numpy as np
from numpy.typing import NDArray

from shelfsense.errors import InputRefused, InvalidQuery
from shelfsense.locales import UNDETERMINED, Locales
from shelfsense.models.understander_model import UnderstanderModel
from shelfsense_training.export.locale_graft import LocaleWeights


@dataclass(frozen=True, slots=True)
class LocalePlace:
    """A locale that is being onboarded.

    Attributes:
        tag: as the new bundle will list it.
        start: the locale of the old bundle that answered its queries so far, or ``und``.
        locales: tags of the new bundle, without ``und``.
        is_new: the old bundle did not list it.
    """

    tag: str
    start: str
    locales: tuple[str, ...]
    is_new: bool

    @classmethod
    def find(cls, tag: str, locales: Locales) -> LocalePlace:
        """Find the place of a tag; a new one comes last, so that no other token moves but that of ``und``.

        Raises:
            InputRefused: when the tag is not BCP 47, or is ``und``.
        """
        try:
            resolved = locales.resolve(tag)
        except InvalidQuery as error:
            raise InputRefused(f"--locale {error.message}") from error
        name = str(langcodes.standardize_tag(tag)) if tag else UNDETERMINED
        if name == UNDETERMINED:
            raise InputRefused("--locale und stands for no store; name one like nl-BE")
        if resolved.how == "exact":
            return cls(resolved.tag, resolved.tag, locales.tags, is_new=False)
        return cls(name, resolved.tag, (*locales.tags, name), is_new=True)

    @property
    def index(self) -> int:
        """The place of its token among the locale tokens."""
        return self.locales.index(self.tag)

    def weights(self, model: UnderstanderModel, locales: Locales) -> LocaleWeights:
        """Return a model's locale weights with this locale in them, answering as the one it starts from."""
        tokens, adapters = _tokens(model), model.adapters
        width = tokens.shape[1]
        rows = np.zeros(len(tokens), np.int64)
        down, up = np.zeros((1, width, 1), np.float32), np.zeros((1, 1, width), np.float32)
        if adapters is not None:
            rows = adapters.rows.numpy()
            down, up = adapters.down.detach().numpy(), adapters.up.detach().numpy()
        if self.is_new:
            start = locales.token(self.start)
            tokens = np.insert(tokens, self.index, tokens[start], axis=0)
            rows = np.insert(rows, self.index, rows[start])
        return LocaleWeights(tokens, rows, down, up)


def with_own_adapter(weights: LocaleWeights, index: int, *, rank: int, seed: int) -> LocaleWeights:
    """Return weights in which a locale has an adapter of its own that changes nothing yet.

    Where it shares one, or has one from before, its own starts as a copy. All adapters of a network
    have one rank: that of the first ever added.

    Args:
        weights: of all locales.
        index: place of the locale's token.
        rank: R of the first adapter.
        seed: of the fresh weights.
    """
    width = weights.tokens.shape[1]
    shared = int(weights.rows[index])
    if not (weights.rows > 0).any():
        empty = (np.zeros((1, width, rank), np.float32), np.zeros((1, rank, width), np.float32))
        weights = replace(weights, down=empty[0], up=empty[1])
    if shared and (weights.rows == shared).sum() == 1:
        return weights
    fresh = np.random.default_rng(seed).normal(0, width**-0.5, (1, width, weights.down.shape[2])).astype(np.float32)
    rows = weights.rows.copy()
    rows[index] = len(weights.up)
    down = weights.down[shared : shared + 1] if shared else fresh
    return LocaleWeights(
        weights.tokens,
        rows,
        np.concatenate([weights.down, down]),
        np.concatenate([weights.up, weights.up[shared : shared + 1]]),
    )


def _tokens(model: UnderstanderModel) -> NDArray[np.float32]:
    embeddings = model.backbone.locale_embeddings
    if embeddings is None:
        raise InputRefused("the bundle's network has no locale tokens; start from a locale-aware bundle")
    return np.asarray(embeddings.weight.detach().numpy(), dtype=np.float32)
