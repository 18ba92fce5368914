import os, threading, time
from pathlib import Path
import numpy as np, psutil
from PIL import Image
from tests.acceptance.platform import Platform
from worker.jobs.database import open_session
from worker.jobs import jobs


def test_f11(platform: Platform, sample: Path, weights: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.MAX_IMAGE_PIXELS = None
    Image.new("RGB", (13000, 13000), (40, 90, 200)).save(folder / "big0.png")
    print("bytes", (folder / "big0.png").stat().st_size)
    for n in range(1, 10):
        os.link(folder / "big0.png", folder / f"big{n}.png")
    for n in range(5):
        Image.fromarray(np.random.default_rng(n).integers(0, 255, (40, 60, 3), np.uint8)).save(folder / f"a{n}.png")
    worker = platform.start_worker("gpu")
    platform.wait_for_workers(1)
    job = platform.submit("segment", checkpoint=str(weights), config=str(sample / "config.yaml"), input=str(folder))
    peak, stop = [0], threading.Event()

    def watch():
        me = psutil.Process(worker.pid)
        while not stop.is_set():
            for p in me.children(recursive=True):
                try:
                    peak[0] = max(peak[0], p.memory_info().rss)
                except psutil.Error:
                    pass
            time.sleep(0.05)

    t = threading.Thread(target=watch)
    t.start()
    started = time.time()
    job = platform.wait(job, seconds=900)
    stop.set()
    t.join()
    with open_session(platform.settings) as s:
        attempts = jobs.list_attempts(s, job.id)
    print(
        "STATE",
        job.state,
        job.error,
        job.result,
        [(a.outcome, a.error) for a in attempts],
        "peak GB",
        peak[0] / 1e9,
        "s",
        time.time() - started,
    )
