"""Where networks come from: by name, fetched once, checked and cached, or from a saved file.

    net = weights.load("vgg16_hed")            # or weights.load("path/to/net.safetensors")

Originals are looked for in the folders of CURVES_WEIGHTS before anything is downloaded; the cache is the user's cache
folder, or the one that CURVES_CACHE names.
"""

from weights.download import DownloadError
from weights.registry import Available, UnknownNetworkError, available, default, fetch, import_file, load

__all__ = [
    "Available",
    "DownloadError",
    "UnknownNetworkError",
    "available",
    "default",
    "fetch",
    "import_file",
    "load",
]
