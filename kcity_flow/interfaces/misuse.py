"""The one error of the command line's own."""


class Misused(Exception):
    """What was typed, or a file it names, cannot be used; its text is one sentence that says what to do."""
