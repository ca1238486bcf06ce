"""One image index made from images that other jobs pushed, each for its platform."""
