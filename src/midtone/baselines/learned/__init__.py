"""The learned methods that the paper compares itself with, one file a method (docs/baselines.md).

``catalogue`` lists them, with where weights are published and under which licence; ``weights``
finds and reads files of weights; ``run`` makes functions of them. These three do not need torch;
the networks do.
"""
