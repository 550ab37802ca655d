"""Finding the objects of a frame; every finder answers the same call."""

from temwatch.vision.finder.base import Finder, Found
from temwatch.vision.finder.threshold import ThresholdFinder

__all__ = ["Finder", "Found", "ThresholdFinder"]
