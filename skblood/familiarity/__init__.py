"""Tell images that resemble the training images from those that do not."""

from ._detector import FamiliarityDetector

__all__ = ["FamiliarityDetector"]
