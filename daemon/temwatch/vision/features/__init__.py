"""Numbers that describe a region: shape, grey, texture, contour."""
