"""Training data: exposure errors, pairs on disk, patches."""
