"""Training of the coarse-to-fine network (needs torch: ``pip install midtone[train]``)."""
