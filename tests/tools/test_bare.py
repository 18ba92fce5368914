import shutil
import subprocess
from pathlib import Path

from tests.paths import ROOT

SCRIPT = ROOT / "tools" / "bare.sh"


def test_what_it_needs_is_said_in_a_line(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    (tmp_path / "id").symlink_to(shutil.which("id") or "")
    ended = subprocess.run([bash, SCRIPT], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == "A bare machine needs root and debootstrap (apt-get install debootstrap).\n"
    assert ended.stderr == ""
