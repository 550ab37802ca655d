"""Arrays in, values out: from pixels to regions, rectangles and features."""
