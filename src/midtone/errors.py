"""What a user can do wrong: one plain sentence each, never a traceback."""


class Error(Exception):
    """Base of all errors a user can cause."""


class PhotoError(Error):
    """A photograph cannot be read or written."""


class TooLargeError(PhotoError):
    """A photograph has more pixels than the limit allows."""


class VideoError(Error):
    """A video cannot be read or written."""


class ModelError(Error):
    """A model file is missing, damaged or of another kind."""


class UsageError(Error):
    """The request itself makes no sense."""
