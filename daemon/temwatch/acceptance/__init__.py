"""Findings in, grades and a verdict out."""
