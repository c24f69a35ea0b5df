"""Training data: photographs, synthesised exposure errors, pairs on disk, patches."""
