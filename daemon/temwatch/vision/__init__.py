"""Arrays in, values out: from pixels to regions, rectangles and features."""

import cv2

# One process inspects one frame; threads inside it would only take the cores of the other workers.
cv2.setNumThreads(1)
