"""What can go wrong for a user of the core. The text of each exception is one sentence for that user."""


class DeepLabError(Exception):
    """A failure with its reason in one sentence that names the file, key or field and what was expected."""


class ConfigError(DeepLabError):
    """A setting is unknown, has the wrong type or contradicts another."""


class DatasetError(DeepLabError):
    """A data set, its split list, its labels or one of its masks is not as its layout promises."""


class CheckpointError(DeepLabError):
    """A checkpoint cannot be read, or holds the weights of another model."""


class ImageError(DeepLabError):
    """An image file cannot be decoded."""


class OutputError(DeepLabError):
    """A result cannot be written."""


class VideoError(DeepLabError):
    """A video or a camera cannot be read."""
