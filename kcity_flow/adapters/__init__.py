"""Where the outside world is touched; each module implements a port that the activities declare."""
