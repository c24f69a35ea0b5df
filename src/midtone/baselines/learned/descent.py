"""One step of an optimizer down a sum of losses."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


def descend(
    optimizer: torch.optim.Optimizer, terms: Mapping[str, Tensor], largest_norm: float | None = None
) -> dict[str, float]:
    """Make a step down the sum of the terms; returns their values.

    largest_norm: of the gradient of all parameters together, which is shortened to it
    """
    optimizer.zero_grad()
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    if largest_norm is not None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(parameters, largest_norm)
    optimizer.step()
    return {name: float(value.detach()) for name, value in terms.items()}
