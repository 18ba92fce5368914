"""`deeplab weights`."""

from dataclasses import asdict
from pathlib import Path

import click

from deeplab.convert.targets import TARGETS
from deeplab.releases import RELEASES, Release
from worker.cli.output import json_option, print_json, print_table


@click.group()
def weights() -> None:
    """Download published weights, and extract those of a checkpoint."""


@weights.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the weights available for download."""
    if as_json:
        print_json([{"name": name, **asdict(release)} for name, release in RELEASES.items()])
        return
    rows = [(name, *_columns(release)) for name, release in RELEASES.items()]
    print_table(("NAME", "MODEL", "CLASSES", "TRAINED ON", "MEAN IOU %", "SHA-256", "URL"), rows, "")


@weights.command("download", epilog="Example: deeplab weights download voc12")
@click.argument("name", type=click.Choice(list(RELEASES)), metavar="NAME")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder to save to.  [default: where `pretrained=`, MODEL.WEIGHTS or `deeplab convert` look]",
)
@click.option("--url", metavar="URL", help="Download from another address, such as a mirror.")
def download_command(name: str, output: Path | None, url: str | None) -> None:
    """Download weights and print the path of the file.

    `deeplab weights list` shows the names. An interrupted download continues when the command is run again.
    """
    from deeplab.archives import unpack_member
    from worker.cli.reporter import CONTINUES, report_progress
    from worker.downloads.http import download

    release = RELEASES[name]
    path = (output or _usual_folder(release)) / release.file_name
    with report_progress(CONTINUES) as reporter:
        download(url or release.url, path, sha256=release.sha256, reporter=reporter)
        if release.member is not None:
            path = unpack_member(path, release.member)
    click.echo(path)


@weights.command("extract", epilog="Example: deeplab weights extract checkpoint_final.pth -o weights.pth")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    required=True,
    help="File to write: .pth, .pt or .safetensors.",
)
@click.option("--key", metavar="NAME", help="Key of the weights, if the file holds several, such as ema.")
def extract(file: Path, output: Path, key: str | None) -> None:
    """Write the weights of a checkpoint as a plain state dict, which other code loads.

    FILE is a checkpoint of this platform, or a file of weights in any form that it reads.
    """
    from deeplab.files import make_folder
    from deeplab.models.weights.state_dict import load_state_dict, save_weights

    weights = load_state_dict(file, key=key)
    make_folder(output.parent)
    save_weights(output, weights)
    click.echo(f"Wrote {output}: {len(weights)} tensors.")


def _columns(release: Release) -> tuple[object, ...]:
    mean_iou = "" if release.mean_iou is None else f"{release.mean_iou:g}"
    return release.model, release.n_classes, release.trained_on, mean_iou, release.sha256 or "", release.url


def _usual_folder(release: Release) -> Path:
    """Where others look for the file: torch.hub, or `deeplab convert` for a caffemodel."""
    for target in TARGETS.values():
        if target.caffemodel.name == release.member:
            return target.caffemodel.parent
    import torch.hub

    return Path(torch.hub.get_dir()) / "checkpoints"
