"""Builds the daemon from its settings and runs it: the only place that knows every part."""
