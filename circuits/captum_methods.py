"""Captum's attribution methods beside ours, on the same path from a layer or from the pixels to a response.

Those that need nothing but a function are here. Methods that put hooks on modules (DeepLift, GuidedBackprop, LRP ...)
find none in a `Network`, whose ops are data: Captum would run them without an error and give plain gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from circuits.errors import CurvesError

__all__ = ["CAPTUM_METHODS", "captum_explainer"]

CAPTUM_METHODS: Mapping[str, Mapping[str, Any]] = {
    "Saliency": {"abs": False},
    "InputXGradient": {},
    "IntegratedGradients": {},
    "SmoothGrad": {"nt_type": "smoothgrad", "nt_samples": 16, "stdevs": 0.1, "abs": False},
    "Occlusion": {},
}
"""By name, the options that are not Captum's own defaults. SmoothGrad is Captum's NoiseTunnel around Saliency, with the
same noise each time; Occlusion covers an eighth of the map's side, all channels at once, in steps of half of that."""

SEED = 0


def captum_explainer(
    forward: Callable[..., Tensor], name: str, baseline: float | Tensor, options: Mapping[str, Any]
) -> Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, Tensor, Tensor | None]]:
    """A method of Captum for functions from N pictures (and what goes along with each) to N values.

    Args:
        forward: the function.
        name: one of `CAPTUM_METHODS`.
        baseline: what IntegratedGradients and Occlusion put in the place of the source.
        options: passed on to Captum's `attribute`.

    Raises:
        CurvesError: Captum is not installed, or has no such method for functions.
    """
    if name not in CAPTUM_METHODS:
        raise CurvesError(
            f"there is no method captum:{name}; there are {', '.join(f'captum:{known}' for known in CAPTUM_METHODS)} "
            "(those that hook modules would see nothing of a network that is data)"
        )
    try:
        import captum.attr as captum
    except ImportError as error:
        raise CurvesError(
            "Captum is not installed: pip install 'curve-circuits[captum]', or choose a method of our own"
        ) from error
    method = captum.NoiseTunnel(captum.Saliency(forward)) if name == "SmoothGrad" else getattr(captum, name)(forward)

    def explain(source: Tensor, others: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, Tensor | None]:
        settings: dict[str, Any] = {"additional_forward_args": others or None, **CAPTUM_METHODS[name]}
        zero = torch.zeros_like(source) + baseline
        if name == "IntegratedGradients":
            settings |= {"baselines": zero, "internal_batch_size": len(source)}
        elif name == "Occlusion":
            window = [max(1, side // 8) for side in source.shape[2:]]
            settings |= {"baselines": zero, "sliding_window_shapes": (source.shape[1], *window)}
            settings["strides"] = (source.shape[1], *(max(1, side // 2) for side in window))
        with torch.random.fork_rng(devices=[source.device] if source.is_cuda else []):
            torch.manual_seed(SEED)
            found = method.attribute(source.clone().requires_grad_(), **{**settings, **options}).detach()
        with torch.no_grad():
            constants = forward(zero, *others) if name == "IntegratedGradients" else None
            return found, forward(source, *others), constants

    return explain
