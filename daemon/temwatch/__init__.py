"""temwatch watches a transmission electron microscope's output and reports what is in every frame."""

__version__ = "0.1.0"
