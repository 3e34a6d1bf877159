"""A season played by a cast."""
