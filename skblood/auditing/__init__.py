"""Errors in the labels of one's own images: duplicates, contradictions, odd images."""

from ._audit import audit_labels

__all__ = ["audit_labels"]
