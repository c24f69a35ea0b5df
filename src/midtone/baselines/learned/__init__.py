"""The learned methods that the paper compares itself with, one file a method (docs/baselines.md).

``catalogue`` says what there is, where weights come from and under which licence; ``weights`` finds
and reads files of weights; ``networks`` builds a method from its weights. Only ``networks`` and the
methods' own files import torch.
"""
