import pytest

from deeplab.errors import VideoError
from deeplab.video.camera import Camera, Device, camera_device

# FFmpeg's own test pattern, delivered as slowly as a camera does.
_PATTERN = "testsrc2=size=64x48:rate=100:duration={seconds},realtime"


def simulated(seconds: float) -> Device:
    return Device(_PATTERN.format(seconds=seconds), "lavfi", {})


def test_frames_come_until_the_camera_is_switched_off() -> None:
    with Camera(simulated(600)) as camera:
        frames = [frame for frame, _ in zip(camera, range(5), strict=False)]
    assert [frame.image.shape for frame in frames] == [(48, 64, 3)] * 5
    assert frames[0].seconds == 0
    assert [frame.seconds for frame in frames] == sorted(frame.seconds for frame in frames)
    assert camera.n_frames == 0


def test_a_camera_that_goes_away() -> None:
    with Camera(simulated(0.2)) as camera, pytest.raises(VideoError, match="the camera stopped sending frames"):
        list(camera)


def test_a_camera_that_is_not_there() -> None:
    with pytest.raises(VideoError, match="99: the camera cannot be opened: "):
        Camera(camera_device(99))
