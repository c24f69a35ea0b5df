"""The correction of a video: planned on sampled frames, smooth in time within each scene."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from midtone.corrector import Corrector
from midtone.errors import VideoError
from midtone.options import CorrectionOptions
from midtone.photo import Photo
from midtone.sequence.smooth import smoothing_weights
from midtone.video.clip import Clip, seconds
from midtone.video.pixels import Pixels

if TYPE_CHECKING:
    from av import VideoFrame

EVERY = 0.5  # seconds between the frames that are planned
SIGMA = 0.75  # seconds
_REACH = 3 * SIGMA
_THUMBNAIL = 32  # px along the longer side, for finding cuts
_CUT, _TIMES_USUAL = 0.12, 3.0  # least change at a cut, and as a multiple of the usual one
_USUAL_OVER, _LEAST_USUAL = 12, 3  # frames
_BLACK = 8.0  # code values that dark frames may differ by
_FLASH = 4  # a change that is undone after so many frames is no cut


@dataclass
class VideoCorrection:
    """The planned frames of a video.

    times:  of the planned frames, in seconds, increasing
    grids:  of their corrections, float16
    errors: their exposure errors in EV
    cuts:   times of the first frames of all scenes but the first
    display_matrix: of the first frame (rotation and mirroring), or None
    """

    times: list[float] = field(default_factory=list)
    grids: list[np.ndarray] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)
    cuts: list[float] = field(default_factory=list)
    _: KW_ONLY
    display_matrix: list[int] | None = None

    @property
    def exposure_error(self) -> float:
        """Median exposure error of the planned frames, in EV."""
        return float(np.median(self.errors))

    def grid(self, time: float) -> np.ndarray:
        """The bilateral grid of the frame at that time: the smoothed one of its scene."""
        scene = bisect_right(self.cuts, time)
        start = self.cuts[scene - 1] if scene else -np.inf
        end = self.cuts[scene] if scene < len(self.cuts) else np.inf
        first = bisect_left(self.times, max(start, time - _REACH))
        last = bisect_left(self.times, min(end, np.nextafter(time + _REACH, np.inf)))
        if first == last:  # no planned frame is near: frames of a slide show last long
            first = max(0, bisect_right(self.times, time) - 1)
            return self.grids[first].astype(np.float64)
        weights = smoothing_weights(np.array(self.times[first:last]), time, SIGMA)
        return np.tensordot(weights, np.stack(self.grids[first:last]).astype(np.float64), 1)


def plan(
    clip: Clip,
    corrector: Corrector,
    options: CorrectionOptions,
    *,
    salvage: bool = False,
    advance: Callable[[], Any] = lambda: None,
) -> VideoCorrection:
    """Decode the video, find its cuts and plan a frame of it every ``EVERY`` seconds.

    salvage: accept a file that is cut off
    advance: called for each frame
    Raises VideoError.
    """
    planned = VideoCorrection()
    pixels = Pixels(clip, "")
    cuts = _Cuts(planned.cuts)
    end = 0.0
    for packet, frames in clip.packets():
        if packet.pts is not None and packet.time_base:
            end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        for frame in frames:
            time = seconds(frame)
            is_cut = cuts.add(time, pixels.shrink(frame, _THUMBNAIL, grey=True))
            if not planned.times:
                planned.display_matrix = _display_matrix(frame)
            if not planned.times or is_cut or time >= planned.times[-1] + EVERY:
                turns = round(frame.rotation / 90)
                small = pixels.shrink(frame, corrector.config.preview_size)
                upright = Photo(np.ascontiguousarray(np.rot90(small, turns)))
                correction = corrector.plan(upright, options)
                planned.times.append(time)
                planned.grids.append(np.rot90(correction.grid, -turns).astype(np.float16))
                planned.errors.append(correction.exposure_error)
            advance()
    if not planned.times:
        raise VideoError(f"{clip.path}: damaged or incomplete video (no frame in it)")
    start = (clip.container.start_time or 0) / 1e6
    if clip.seconds and not salvage and end - start < 0.98 * clip.seconds - 1:
        raise VideoError(
            f"{clip.path}: the file is cut off after {end - start:.0f} of {clip.seconds:.0f} s; "
            "use --salvage to correct what is there"
        )
    return planned


def _display_matrix(frame: VideoFrame) -> list[int] | None:
    found: Any = frame.side_data.get("DISPLAYMATRIX")
    return None if found is None else np.frombuffer(bytes(found), "=i4").tolist()


class _Cuts:
    """Finds cuts by the change of thumbnails (h x w luma, 0 to 255) from frame to frame.

    found: their times are appended here
    """

    def __init__(self, found: list[float]) -> None:
        self._found = found
        self._last: np.ndarray | None = None
        self._usual: deque[float] = deque(maxlen=_USUAL_OVER)
        self._before_cut: np.ndarray | None = None
        self._since = 0

    def add(self, time: float, thumbnail: np.ndarray) -> bool:
        """Whether a scene begins with this frame."""
        image = thumbnail.astype(np.float32)
        last, self._last = self._last, image
        self._since += 1
        if last is None:
            return False
        change = _change(last, image)
        usual = float(np.median(self._usual)) if len(self._usual) >= _LEAST_USUAL else np.inf
        self._usual.append(change)
        if change < _CUT or change < _TIMES_USUAL * usual:
            return False
        before, is_recent = self._before_cut, self._since <= _FLASH
        if before is not None and is_recent and _change(before, image) < _CUT:
            self._found.pop()  # a flash, which is over
            self._before_cut = None
            return False
        self._found.append(time)
        self._before_cut, self._since = last, 0
        return True


def _change(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference of two images in relation to their brightness, 0 to 1."""
    return float(np.abs(one - other).mean() / (one.mean() + other.mean() + _BLACK))
