import stat
import subprocess
import sys
from pathlib import Path

from tests.web.conftest import settings_in
from web import create_app
from worker.jobs.settings import Settings


def test_the_web_app_never_imports_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from web import create_app; from worker.jobs.settings import Settings;"
        "create_app(Settings(home=Path(sys.argv[1])));"
        "print([name for name in sys.modules if name.split('.')[0] in {'torch', 'torchvision'}])"
    )
    run = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_all_processes_of_a_home_share_one_key_that_only_its_owner_can_read(new_settings: Settings) -> None:
    first, second = create_app(new_settings), create_app(new_settings)
    assert first.secret_key == second.secret_key
    path = new_settings.home / "secret_key"
    assert len(path.read_text()) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in new_settings.home.glob(".*")] == []


def test_another_home_has_another_key(tmp_path: Path, new_settings: Settings) -> None:
    assert create_app(settings_in(tmp_path / "other")).secret_key != create_app(new_settings).secret_key
