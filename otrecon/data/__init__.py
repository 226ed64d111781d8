"""Real data: a registry of public sets, `fetch`, and loaders of the formats that scanners and archives write.

Files of others are never part of this package. `fetch` finds or downloads the registered ones; the loaders also read
your own. Every loader returns tensors in the conventions of the package and refuses what it does not understand.
"""

from otrecon.data.arrays import load_npy
from otrecon.data.cfl import Cfl, load_cfl, save_cfl
from otrecon.data.errors import DataError, DataUnavailableError, HashMismatchError
from otrecon.data.fastmri import FastMRI, load_fastmri
from otrecon.data.harvard import RadialCine, load_radial_cine, radial_cine_trajectory, save_radial_cine
from otrecon.data.header import Encoding, Limits
from otrecon.data.ismrmrd import IsmrmrdCartesian, IsmrmrdReadouts, load_ismrmrd, load_ismrmrd_readouts
from otrecon.data.pictures import T1T2, Cells3d, Contours, load_cells3d, load_contours, load_rat_cine, load_t1t2
from otrecon.data.registry import REGISTRY, Entry, RemoteFile, Source
from otrecon.data.store import Dataset, available, credit, fetch

__all__ = [
    "REGISTRY",
    "T1T2",
    "Cells3d",
    "Cfl",
    "Contours",
    "DataError",
    "DataUnavailableError",
    "Dataset",
    "Encoding",
    "Entry",
    "FastMRI",
    "HashMismatchError",
    "IsmrmrdCartesian",
    "IsmrmrdReadouts",
    "Limits",
    "RadialCine",
    "RemoteFile",
    "Source",
    "available",
    "credit",
    "fetch",
    "load_cells3d",
    "load_cfl",
    "load_contours",
    "load_fastmri",
    "load_ismrmrd",
    "load_ismrmrd_readouts",
    "load_npy",
    "load_radial_cine",
    "load_rat_cine",
    "load_t1t2",
    "radial_cine_trajectory",
    "save_cfl",
    "save_radial_cine",
]
