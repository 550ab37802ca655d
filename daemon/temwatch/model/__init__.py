"""The nouns, frozen. Standard library and numpy only."""
