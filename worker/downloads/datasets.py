"""The public datasets: where their archives are, and which folder configurations name once they are unpacked."""

from dataclasses import dataclass
from pathlib import Path

from deeplab.archives import unpack
from deeplab.errors import DeepLabError
from deeplab.reporter import Reporter
from worker.downloads.http import download


@dataclass(frozen=True)
class Archive:
    """A published file."""

    url: str
    folder: str = "."  # where it is unpacked, below the dataset's folder
    md5: str | None = None  # published by torchvision
    sha256: str | None = None  # published by TensorFlow Datasets


@dataclass(frozen=True)
class Published:
    """A dataset as it is published."""

    archives: tuple[Archive, ...]
    root: str = "."  # what DATASET.ROOT names, below the dataset's folder


_COCO = "http://images.cocodataset.org/zips"
_STUFF = "http://calvin.inf.ed.ac.uk/wp-content/uploads/data/cocostuffdataset"

PUBLISHED = {
    "voc12": Published(
        (
            Archive(
                "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                md5="6cd6e144f989b92b3379bac3b3de84fd",
            ),
        ),
        root="VOCdevkit",
    ),
    "cocostuff10k": Published((Archive(f"{_STUFF}/cocostuff-10k-v1.1.zip"),)),
    "cocostuff164k": Published(
        (
            Archive(
                f"{_COCO}/train2017.zip",
                folder="images",
                sha256="69a8bb58ea5f8f99d24875f21416de2e9ded3178e903f1f7603e283b9e06d929",
            ),
            Archive(
                f"{_COCO}/val2017.zip",
                folder="images",
                sha256="4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
            ),
            Archive(f"{_STUFF}/stuffthingmaps_trainval2017.zip", folder="annotations"),
        ),
    ),
}


def fetch(published: Published, folder: Path, reporter: Reporter, *, mirror: str | None = None) -> Path:
    """Download and unpack a dataset. Archives and files that exist already are skipped.

    Args:
        published: the dataset.
        folder: where the archives and their files go.
        reporter: hears of the progress, in megabytes and in files.
        mirror: the URL of a folder to download the archives from instead.

    Returns:
        The path for DATASET.ROOT.

    Raises:
        DeepLabError: if an archive cannot be downloaded, is not the published one or is damaged, or the disk is full.
        Stopped: when asked to stop; another call continues.
    """
    if folder.exists() and not folder.is_dir():
        raise DeepLabError(f"{folder}: is not a folder.")
    for archive in published.archives:
        name = archive.url.rpartition("/")[2]
        url = archive.url if mirror is None else f"{mirror.rstrip('/')}/{name}"
        download(url, folder / name, md5=archive.md5, sha256=archive.sha256, reporter=reporter)
        unpack(folder / name, folder / archive.folder, reporter)
    return folder / published.root
