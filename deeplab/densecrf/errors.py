"""What can go wrong for a user of the dense CRF."""

from deeplab.errors import DeepLabError


class CrfError(DeepLabError):
    """A CRF parameter, an image or its probabilities are not as the dense CRF needs them, or are too large for it."""
