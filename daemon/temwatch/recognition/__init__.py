"""Features in, class probabilities out."""
