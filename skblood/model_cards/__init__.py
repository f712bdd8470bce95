"""Model cards: one-page descriptions of fitted classifiers."""

from ._card import model_card

__all__ = ["model_card"]
