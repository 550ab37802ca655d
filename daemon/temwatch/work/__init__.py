"""Frames to worker processes, reports back."""
