"""What others import: subscribe and command over the wire."""
