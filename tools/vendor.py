"""Fetches the dashboard's files from npm packages: `python tools/vendor.py FOLDER`. Takes Python alone, not npm.

package-lock.json pins the version and the hash of each package. The registry is the one that `npm_config_registry` or
an .npmrc names, else npm's own.
"""

import base64
import hashlib
import io
import json
import os
import re
import sys
import tarfile
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).parents[1]
FILES = {  # by package
    "bootstrap": ("dist/css/bootstrap.min.css",),
    "htmx.org": ("dist/htmx.min.js",),
    "uplot": ("dist/uPlot.iife.min.js", "dist/uPlot.min.css"),
}
_TIMEOUT_SECONDS = 60


def main() -> None:
    """Fetch every file, or say in a line why not."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    pins = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    for package, names in FILES.items():
        pin = pins[f"node_modules/{package}"]
        archive = fetch(package, pin["version"], pin["integrity"])
        for name, content in unpack(archive, names).items():
            (folder / Path(name).name).write_bytes(content)


def fetch(package: str, version: str, integrity: str) -> bytes:
    """A package's archive, which has the pinned hash."""
    url = f"{registry()}/{package}/-/{package.rpartition('/')[2]}-{version}.tgz"
    try:
        with urlopen(url, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310  (the user's own registry)
            archive: bytes = answer.read()
    except (OSError, HTTPException) as error:
        sys.exit(f"{url}: is not available: {error}. npm_config_registry can name another registry.")
    algorithm, _, expected = integrity.partition("-")
    if base64.b64encode(hashlib.new(algorithm, archive).digest()).decode() != expected:
        sys.exit(f"{url}: is not what package-lock.json pins: its {algorithm} is another.")
    return archive


def unpack(archive: bytes, names: tuple[str, ...]) -> dict[str, bytes]:
    """Some files of an archive, in which they lie in a folder, by their names."""
    contents = {}
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files:
            name = member.name.partition("/")[2]
            file = files.extractfile(member) if name in names else None
            if file is not None:
                contents[name] = file.read()
    return {name: contents[name] for name in names}


def registry() -> str:
    """The address of the registry: the environment's, this project's, the user's, or npm's own."""
    named = [value for name, value in os.environ.items() if name.lower() == "npm_config_registry" and value]
    for path in (ROOT / ".npmrc", Path.home() / ".npmrc"):
        if path.is_file():
            named += re.findall(r"^\s*registry\s*=\s*[\"']?([^\s\"']+)", path.read_text("utf-8"), re.MULTILINE)
    return (named or ["https://registry.npmjs.org"])[0].rstrip("/")


if __name__ == "__main__":
    main()
