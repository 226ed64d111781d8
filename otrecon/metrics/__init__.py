"""How far is an image from its reference: PSNR, SSIM and relative errors, with nothing assumed in silence.

The trailing two axes are the image; leading axes are a batch. Every metric returns a float64 tensor with the shape of
the batch (0-d for a single image, so ``float(psnr(...))`` is a number), computed in float64 and differentiable.

Images are real. A complex image has many real ones (magnitude, real part, ...), and scores differ between them: take
``image.abs()`` yourself. Anything NaN or infinite is an error, and so is a mask that selects no pixel.
"""

from __future__ import annotations

from otrecon.metrics.errors import mse, nmse, nrmse, psnr
from otrecon.metrics.similarity import SSIMTerms, ssim, ssim_map, ssim_terms

__all__ = ["SSIMTerms", "mse", "nmse", "nrmse", "psnr", "ssim", "ssim_map", "ssim_terms"]
