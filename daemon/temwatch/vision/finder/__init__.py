"""Finding the objects of a frame; every finder answers the same call."""
