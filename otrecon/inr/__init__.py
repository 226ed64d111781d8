"""Images as networks: coordinates in, grey values or k-space out."""

from otrecon.inr.activations import ACTIVATIONS, Gabor, Gaussian, Hosc, ReLU, Sinc, Sine
from otrecon.inr.coordinates import frame_times, pixel_coordinates
from otrecon.inr.data_term import LeastSquares
from otrecon.inr.encodings import FourierFeatures
from otrecon.inr.fitting import Fit, constant, cosine, fit
from otrecon.inr.image import ImageINR
from otrecon.inr.kspace import KSpaceINR, kspace_coordinates, relative_error, squared_error
from otrecon.inr.mlp import Mlp
from otrecon.inr.siren import Siren
from otrecon.inr.wire import Wire

__all__ = [
    "ACTIVATIONS",
    "Fit",
    "FourierFeatures",
    "Gabor",
    "Gaussian",
    "Hosc",
    "ImageINR",
    "KSpaceINR",
    "LeastSquares",
    "Mlp",
    "ReLU",
    "Sinc",
    "Sine",
    "Siren",
    "Wire",
    "constant",
    "cosine",
    "fit",
    "frame_times",
    "kspace_coordinates",
    "pixel_coordinates",
    "relative_error",
    "squared_error",
]
