"""Videos: planned on sampled frames, corrected by a grid that changes smoothly. Needs PyAV."""

from midtone.video.clip import SUFFIXES
from midtone.video.correct import correct_video

__all__ = ["SUFFIXES", "correct_video"]
