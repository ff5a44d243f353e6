"""Ways to open a file: local, ours, and those of others. To add one: a function, and an entry in `SYSTEMS`."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


def environment_python(name):
    """The interpreter of this environment, which is beside this program's own, if it is not this."""
    return sys.executable if name == "bench" else Path(sys.prefix).parent / name / "bin/python"


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
    # Its own Python environment of `tests/tools/provision`, where it does not get on with the others.
    environment: str = "bench"
    # More variables of its environment.
    variables: dict = field(default_factory=dict)
    # Workloads that are not even tried, with the reason.
    cannot: dict = field(default_factory=dict)
    # Something is kept for it by the kernel or its server: one sample goes before those that count.
    warms_up: bool = False
    # So often as was asked for, however long it takes.
    always: bool = False
    # Measured without being named.
    usual: bool = True


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


def ros3_file():
    import os
    from urllib.parse import urlsplit

    import h5py

    def open_file(url):
        parts = urlsplit(url)
        os.environ["AWS_ENDPOINT_URL_S3"] = f"{parts.scheme}://{parts.netloc}"
        # The first part of the path is taken for a bucket.
        return h5py.File("s3:/" + parts.path, driver="ros3", aws_region=b"us-east-1")

    return open_file


def pyfive_file():
    import fsspec
    import pyfive

    return lambda url: pyfive.File(fsspec.open(url, "rb").open())


def h5coro_file():
    import h5coro_words

    return h5coro_words.File


def hdfstream_file():
    import hdfstream

    hdfstream.disable_progress(True)

    def open_file(url):
        server, name = url.split("/hdfstream/", 1)
        return hdfstream.open(f"{server}/hdfstream", "/")[name]

    return open_file


def h5pyd_file():
    import h5pyd

    def open_file(place):
        endpoint, name = place.split("#")
        return h5pyd.File(name, "r", endpoint=endpoint, username="bench", password="bench")

    return open_file


DOWNLOAD = "{base}/download/{file}"

SYSTEMS = {
    "native": System("h5py, local file", h5py_file, None, writes_to="disk", warms_up=True, always=True),
    "ours": System(
        "h5py with the plugin",
        h5py_file,
        "both",
        plugin=True,
        writes_to="writable",
        warms_up=True,
        always=True,
    ),
    "ours-v1": System("h5py with the plugin, server of v1", h5py_file, "v1", plugin=True, warms_up=True, usual=False),
    "hdfstream": System("Python client hdfstream", hdfstream_file, "v1", warms_up=True),
    "ros3": System(
        "h5py with ros3",
        ros3_file,
        "both",
        DOWNLOAD,
        environment="bench-ros3",
        # Else it looks for an account in the network of a cloud.
        variables={"AWS_EC2_METADATA_DISABLED": "true"},
    ),
    "fsspec": System("h5py over fsspec", fsspec_file, "both", DOWNLOAD),
    "remfile": System("h5py over remfile", remfile_file, "both", DOWNLOAD),
    "pyfive": System("pyfive over fsspec", pyfive_file, "both", DOWNLOAD),
    "h5coro": System(
        "h5coro",
        h5coro_file,
        "both",
        DOWNLOAD,
        cannot={"walk-d": "it starts a thread for each of the 20,000 members of the group"},
    ),
    "h5pyd": System("h5pyd with HSDS", h5pyd_file, "hsds", "{base}#/home/bench/{file}", warms_up=True),
}
