"""What can be wrong with what training is given."""


class MaterialError(Exception):
    """A file or folder cannot be used; the message says which, why, and how to mend it."""
