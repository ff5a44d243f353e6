"""Ways to open a file: local, ours, and those of others. To add one: a function, and an entry in `SYSTEMS`."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class System:
    title: str
    # Runs in the process that is measured, before the clock does: imports what is needed, and returns a function
    # from a place to an open file with the words of h5py.
    prepare: Callable
    # Which server of `serving.py`; none for local files, whose place is a path.
    server: str | None
    url: str = "{base}/{file}"
    # Through HDF5's plugin.
    plugin: bool = False
    # The server for files that are written, if they can be: then the function takes a mode as well.
    writes_to: str | None = None


def h5py_file():
    import h5py

    return h5py.File


def fsspec_file():
    import fsspec
    import h5py

    return lambda url: h5py.File(fsspec.open(url, "rb").open())


def remfile_file():
    import h5py
    import remfile

    return lambda url: h5py.File(remfile.File(url))


def pyfive_file():
    import fsspec
    import pyfive

    return lambda url: pyfive.File(fsspec.open(url, "rb").open())


def hdfstream_file():
    import hdfstream

    hdfstream.disable_progress(True)

    def open_file(url):
        server, name = url.split("/hdfstream/", 1)
        return hdfstream.open(f"{server}/hdfstream", "/")[name]

    return open_file


DOWNLOAD = "{base}/download/{file}"

SYSTEMS = {
    "native": System("h5py, local file", h5py_file, None, writes_to="disk"),
    "ours": System("h5py, plugin", h5py_file, "both", plugin=True, writes_to="writable"),
    "ours-v1": System("h5py, plugin, server of v1", h5py_file, "v1", plugin=True),
    "hdfstream": System("Python client hdfstream", hdfstream_file, "v1"),
    "fsspec": System("h5py over fsspec", fsspec_file, "both", DOWNLOAD),
    "remfile": System("h5py over remfile", remfile_file, "both", DOWNLOAD),
    "pyfive": System("pyfive over fsspec", pyfive_file, "both", DOWNLOAD),
}
