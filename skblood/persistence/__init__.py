"""Fitted classifiers in files that contain no code."""

from ._files import load_model, save_model

__all__ = ["load_model", "save_model"]
