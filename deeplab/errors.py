"""The errors that a user of the library can cause or meet; the text of each is one sentence for that user."""


class DeepLabError(Exception):
    """Base of all errors: one sentence that names the file, key or field, and what was expected.

    `discreet` is the sentence without what the file holds, for people who may name the file but perhaps not read it.
    """

    def __init__(self, message: str = "", *, discreet: str | None = None) -> None:
        super().__init__(*([message] if message else []))
        self.discreet = message if discreet is None else discreet


class ConfigError(DeepLabError):
    """A key of a configuration is unknown, has the wrong type or contradicts another."""


class DatasetError(DeepLabError):
    """A dataset, its split list, its labels file or one of its masks is not as its layout requires."""


class CheckpointError(DeepLabError):
    """A checkpoint cannot be read, or holds the weights of another model."""


class ImageError(DeepLabError):
    """An image file cannot be decoded."""


class LabelError(DeepLabError):
    """An image cannot be labelled; others may."""


class NothingSegmentedError(DeepLabError):
    """None of the images and videos of a segmentation could be segmented."""

    def __init__(self, n_items: int, first: str) -> None:
        """`first` says what is wrong with the first one."""
        super().__init__(first if n_items == 1 else f"None of {n_items} files could be segmented; the first: {first}")


class ProcessDiedError(DeepLabError):
    """A process that the work needs has died; another try may succeed.

    `by_itself` is true if it was not killed, and has left the reason where its errors are written.
    """

    def __init__(self, message: str, *, by_itself: bool = False) -> None:
        self.by_itself = by_itself
        super().__init__(message)


class OutputError(DeepLabError):
    """A result cannot be written."""


class VideoError(DeepLabError):
    """A video or a camera cannot be read."""
