"""Fetch published weights into torch.hub's folder of downloads. Needs nothing but PyTorch."""

import sys
from contextlib import redirect_stdout
from pathlib import Path

import torch.hub

from deeplab.errors import CheckpointError
from deeplab.releases import Release


def fetch_release(release: Release) -> Path:
    """Download the file of a release, unless it is there already, and return its path.

    `deeplab weights download` puts it in the same place.

    Raises:
        CheckpointError: if it cannot be downloaded, or its hash is wrong.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / release.file_name
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with redirect_stdout(sys.stderr):
            torch.hub.download_url_to_file(
                release.url, str(path), hash_prefix=release.sha256, progress=sys.stderr.isatty()
            )
    except (OSError, RuntimeError) as error:  # RuntimeError: the hash differs
        reason = getattr(error, "reason", error)
        raise CheckpointError(f"{release.url}: is not available ({reason}); a copy at {path} also works.") from error
    return path
