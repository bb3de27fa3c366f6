"""The one error users are meant to read: what was expected, what was found, what to do."""


class InputError(ValueError):
    """Bad input from outside (a file, a rig, an option). The message stands alone; no traceback is needed."""

    def __init__(self, expected: str, found: str, fix: str):
        super().__init__(f"expected {expected}\n  found {found}\n  fix: {fix}")
        self.expected, self.found, self.fix = expected, found, fix

    def __reduce__(self):
        """So that it passes between processes: by default only the message would."""
        return type(self), (self.expected, self.found, self.fix)
