"""Every path under DEEPLAB_HOME, and where the shipped configurations are.

With DEEPLAB_STORAGE_URL, jobs/ is what this machine has of STORAGE_URL/jobs/, under the same names.

deeplab.sqlite              the embedded database
platform.lock               held by the running `deeplab up`; says where it listens
valkey/                     the embedded broker's append-only file, configuration, socket and password
secret_key                  signs the dashboard's cookies
token                       by which programs of the home's owner sign in to the API
logs/                       one log per process of `deeplab up`
data/                       the default data root
remote/<scheme>/...         copies of files at URLs: s3://bucket/a is remote/s3/bucket/a; see deeplab.remote
uploads/<id>/               what somebody uploaded and no job has taken yet; see worker.jobs.uploads
datasets/<id>/<fence>/      the dataset that an import job made, below it under its name
thumbnails/                 small pictures of images and masks, made again when they are gone
tiles/                      images and masks in tiles, as the viewer asked for them; made again likewise
jobs/<id>/output/           what a segment job writes, unless its request names another folder
jobs/<id>/items.json        the images and videos of a segment job that an earlier version listed, ...
jobs/<id>/frames.json       ... about how many frames of each of these videos are to be segmented ...
jobs/<id>/passed_over.json  ... and the other files of its input folder, by kind
jobs/<id>/results/          result tables of a job that an earlier version ran, made of its manifest
jobs/<id>/<fence>/          the files of one attempt; nothing there is ever written by another attempt
    log.txt                 what its child printed
    outcome.json            how it ended
    companion-<rank>.json   why a companion of its child ended before the end
    items/<first>.jsonl     a chunk of the images and videos of a segment job; see worker.jobs.item_lists
    results/                tables of its images, in parts; see worker.jobs.results
    masks/                  label maps of an evaluate or crf job, <id>.png
    confidence/             their maps of confidence, <id>.png
    model.onnx              what an onnx job writes
    image.png               the image of a try job as it was segmented, ...
    refined/                ... and its label map after the CRF
    report.json             what a check job found; see worker.jobs.dataset_reports
    preview.png             beside it, samples as a training sees them
    search.npz              what a grid search has counted so far
    alive                   touched whenever the child reports progress
    assist-<owner>/         the log of an assistant of a segment job
"""

import logging
import re
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import deeplab
from deeplab import mirrors, remote
from deeplab.errors import StorageError
from deeplab.files import printable, real_path
from deeplab.mirrors import Mirror, Mirrors, local_path
from worker.jobs import places
from worker.jobs.named_places import urls_dir
from worker.jobs.settings import Settings

_log = logging.getLogger(__name__)
THUMBNAIL_BYTES = 2**30  # that thumbnails may take


def mount(settings: Settings) -> None:
    """Let this process use storage at URLs through folders in the home (see `deeplab.remote`)."""
    found = [Mirror(urls_dir(settings.home), "")]
    if settings.storage_url:
        own = (jobs_dir(settings), uploads_dir(settings), datasets_dir(settings))
        found += [Mirror(folder, f"{settings.storage_url}/{folder.name}", constant=True) for folder in own]
    linked = [replace(each, folder=real_path(each.folder)) for each in found]
    every = tuple(dict.fromkeys([*found, *linked]))
    mirrors.mount(Mirrors(every, settings.storage_cache_mb * 10**6, settings.storage_seconds))


def jobs_dir(settings: Settings) -> Path:
    """Folder of all jobs."""
    return settings.home / "jobs"


def job_dir(settings: Settings, job_id: int) -> Path:
    """Folder of a job."""
    return jobs_dir(settings) / str(job_id)


def attempt_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Folder of the attempt that holds this fence."""
    return job_dir(settings, job_id) / str(fence)


def assistant_dir(settings: Settings, job_id: int, fence: int, owner: str) -> Path:
    """Folder of an assistant of a segment job."""
    return attempt_dir(settings, job_id, fence) / f"assist-{re.sub('[^A-Za-z0-9.@-]', '-', owner)}"


def log_path(settings: Settings, job_id: int, fence: int) -> Path:
    """The log of an attempt: what its child printed."""
    return log_in(attempt_dir(settings, job_id, fence))


def log_in(folder: Path) -> Path:
    """The log in the folder of an attempt or an assistant."""
    return folder / "log.txt"


def outcome_in(folder: Path) -> Path:
    """Where the child of an attempt leaves its outcome."""
    return folder / "outcome.json"


def companion_outcome_in(folder: Path, rank: int) -> Path:
    """Where a companion of an attempt's child leaves its outcome, if it fails."""
    return folder / f"companion-{rank}.json"


def alive_in(folder: Path) -> Path:
    """The file that a child touches whenever it reports progress."""
    return folder / "alive"


def search_path(settings: Settings, job_id: int, fence: int) -> Path:
    """Where an attempt at a grid search saves what it has counted so far."""
    return attempt_dir(settings, job_id, fence) / "search.npz"


def shard_manifest_path(settings: Settings, job_id: int, fence: int, number: int, shard_fence: int) -> Path:
    """The manifest of one claim of a shard."""
    return attempt_dir(settings, job_id, fence) / f"shard-{number}-{shard_fence}.csv"


def earlier_shard_manifests(settings: Settings, job_id: int, fence: int, number: int, shard_fence: int) -> list[Path]:
    """The manifests of the claims of a shard before this one, by all attempts, complete or not."""
    claims = product(range(1, fence + 1), range(1, shard_fence))
    paths = [shard_manifest_path(settings, job_id, of_job, number, of_shard) for of_job, of_shard in claims]
    return [path for path in paths if path.exists()]


def shard_part_dir(settings: Settings, job_id: int, fence: int, number: int, shard_fence: int) -> Path:
    """The result tables of one claim of a shard."""
    return attempt_dir(settings, job_id, fence) / "results" / f"shard-{number}-{shard_fence}"


def part_dir(settings: Settings, job_id: int, fence: int, number: int) -> Path:
    """The result tables of some images of an evaluation."""
    return attempt_dir(settings, job_id, fence) / "results" / f"part-{number}"


def merged_part_dir(settings: Settings, job_id: int, fence: int, number: int) -> Path:
    """Result tables that an attempt merged."""
    return attempt_dir(settings, job_id, fence) / "results" / f"merged-{number}"


def recorded_part_dir(settings: Settings, job_id: int, fence: int, number: int) -> Path:
    """Result tables that an attempt made of the manifests of finished shards."""
    return attempt_dir(settings, job_id, fence) / "results" / f"recorded-{number}"


def indexed_part_dir(settings: Settings, job_id: int) -> Path:
    """Result tables of a job that an earlier version ran."""
    return job_dir(settings, job_id) / "results"


def label_maps_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Label maps of an evaluate or crf job."""
    return attempt_dir(settings, job_id, fence) / "masks"


def confidence_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Maps of confidence of an evaluate or crf job."""
    return attempt_dir(settings, job_id, fence) / "confidence"


def onnx_path(settings: Settings, job_id: int, fence: int) -> Path:
    """The file that an onnx job writes."""
    return attempt_dir(settings, job_id, fence) / "model.onnx"


def tried_image_path(settings: Settings, job_id: int, fence: int) -> Path:
    """The image of a try job, as it was segmented."""
    return attempt_dir(settings, job_id, fence) / "image.png"


def refined_path(settings: Settings, job_id: int, fence: int) -> Path:
    """The label map of that image after the CRF."""
    return attempt_dir(settings, job_id, fence) / "refined" / "image.png"


def logits_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Saved logits of an evaluate job."""
    return attempt_dir(settings, job_id, fence) / "logits"


def report_path(settings: Settings, job_id: int, fence: int) -> Path:
    """The report of a check job."""
    return attempt_dir(settings, job_id, fence) / "report.json"


def uploads_dir(settings: Settings) -> Path:
    """Folder of what was uploaded."""
    return settings.home / "uploads"


def datasets_dir(settings: Settings) -> Path:
    """Folder of the datasets that import jobs made."""
    return settings.home / "datasets"


def imported_dir(settings: Settings, job_id: int, fence: int) -> Path:
    """Where an attempt of an import job makes its dataset."""
    return datasets_dir(settings) / str(job_id) / str(fence)


def discard_folder(folder: Path) -> bool:
    """Delete a folder to which no row points, here and on storage elsewhere; whether nothing of it is left."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        remote.remove(folder)
    except (OSError, StorageError) as error:
        _log.warning("%s: cannot be deleted: %s", printable(folder), error)
        return False
    return not folder.exists()


def output_dir(settings: Settings, job_id: int, requested: str | None = None) -> Path:
    """The output folder of a segment job: the one that was requested, else one in the job's own folder."""
    # Not real_path(): a link may point elsewhere by the time the masks are read.
    return local_path(mirrors.absolute(requested)) if requested else job_dir(settings, job_id) / "output"


def name_of_input(settings: Settings, folder: Path) -> str | None:
    """A name of an input folder that is the same on all machines; None: it has none but its path."""
    if (url := mirrors.url_of(folder)) is not None:
        return url
    named = places.relative(str(real_path(folder)), settings.places)
    return named if places.is_relative(named) and not named.startswith("home:/") else None


def items_chunk_path(settings: Settings, job_id: int, fence: int, first: int) -> Path:
    """Where an attempt writes the chunk of a segment job's items that begins with this one."""
    return attempt_dir(settings, job_id, fence) / "items" / f"{first}.jsonl"


def chunk_name(settings: Settings, job_id: int, path: Path) -> str:
    """A chunk of items as rows name it: relative to the job's folder."""
    return path.relative_to(job_dir(settings, job_id)).as_posix()


def items_chunk(settings: Settings, job_id: int, name: str) -> Path:
    """The chunk of items that a row names."""
    return job_dir(settings, job_id) / name


def items_path(settings: Settings, job_id: int) -> Path:
    """The list of a segment job's items by an earlier version: JSON, paths relative to the input folder."""
    return job_dir(settings, job_id) / "items.json"


def item_frames_path(settings: Settings, job_id: int) -> Path:
    """About how many frames of each video in that list are to be segmented: JSON, by item."""
    return job_dir(settings, job_id) / "frames.json"


def passed_over_path(settings: Settings, job_id: int) -> Path:
    """How many files of that job's input folder are of kinds that are not read: JSON, by kind."""
    return job_dir(settings, job_id) / "passed_over.json"


def earlier_lists(settings: Settings, job_id: int) -> tuple[Path, ...]:
    """All files in which an earlier version listed what a segment job reads."""
    return tuple(path(settings, job_id) for path in (items_path, item_frames_path, passed_over_path))


def tiles_dir(settings: Settings) -> Path:
    """Tiles of images and masks, which are made again when they are missing."""
    return settings.home / "tiles"


def logs_dir(settings: Settings) -> Path:
    """Logs of the platform's own processes."""
    return settings.home / "logs"


def thumbnails_dir(settings: Settings) -> Path:
    """Small pictures that the dashboard has made."""
    return settings.home / "thumbnails"


def caches(settings: Settings) -> list[tuple[Path, int]]:
    """Folders of what can be made again, and how many bytes each may take."""
    return [(thumbnails_dir(settings), THUMBNAIL_BYTES), (tiles_dir(settings), settings.tile_cache_mb * 1_000_000)]


def turns_dir(settings: Settings) -> Path:
    """Files that a process locks while it decodes an image for the dashboard."""
    return settings.home / "turns"


def lock_path(settings: Settings) -> Path:
    """The file that a running platform keeps locked."""
    return settings.home / "platform.lock"


def valkey_dir(settings: Settings) -> Path:
    """Folder of the embedded broker."""
    return settings.home / "valkey"


def secret_key_path(settings: Settings) -> Path:
    """The key that signs the dashboard's cookies."""
    return settings.home / "secret_key"


def token_path(settings: Settings) -> Path:
    """The token of the built-in account, for programs that can read the home."""
    return settings.home / "token"


def configs_dir() -> Path:
    """Folder of the shipped configurations: in the installed core, or beside it in a checkout."""
    core = Path(deeplab.__file__).parent
    packaged = core / "configs"
    return packaged if packaged.is_dir() else core.parent / "configs"
