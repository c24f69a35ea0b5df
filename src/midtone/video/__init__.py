"""Videos: planned on sampled frames, corrected by a grid that changes smoothly. Needs PyAV."""
