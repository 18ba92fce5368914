"""Writes what the container images install, out of pyproject.toml: `python tools/image_requirements.py FOLDER`.

build.txt: what builds our package; web.txt: what the dashboard needs; worker.txt: what jobs need besides. A change of
pyproject.toml that concerns none of them leaves the files as they are, and so the layers that are made of them.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
JOBS_ALONE = {"numba", "tensorboard", "torch", "torchvision"}  # import-linter keeps them out of the dashboard


def main() -> None:
    """Write the three files."""
    folder = Path(sys.argv[1])
    for name, requirements in image_requirements().items():
        (folder / f"{name}.txt").write_text("".join(f"{requirement}\n" for requirement in requirements), "utf-8")


def image_requirements() -> dict[str, list[str]]:
    """Requirements by the file that they belong to."""
    pyproject = tomllib.loads(PYPROJECT.read_text("utf-8"))
    needed = pyproject["project"]["dependencies"] + pyproject["project"]["optional-dependencies"]["s3"]
    return {
        "build": pyproject["build-system"]["requires"],
        "web": [requirement for requirement in needed if _name(requirement) not in JOBS_ALONE],
        "worker": [requirement for requirement in needed if _name(requirement) in JOBS_ALONE],
    }


def _name(requirement: str) -> str:
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


if __name__ == "__main__":
    main()
