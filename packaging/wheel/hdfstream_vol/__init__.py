"""Lets every HDF5 library in this process open remote files by name.

Installed with pip, this is switched on at each start of Python and nothing needs to be imported. Where
that does not work (a folder on PYTHONPATH, ``python -S``), ``import hdfstream_vol`` before h5py, PyTables
or netCDF4 does the same, or ``python -m hdfstream_vol SCRIPT`` without a change of the script.
"""

import sys
import warnings

from _hdfstream_vol import plugin_folder, switch_on

__all__ = ["plugin_folder", "switch_on"]


def _loaded_hdf5():
    """Name of the libhdf5 in this process, if there is one: it has read its environment by now."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            for line in maps:
                name = line.rstrip("\n").rpartition("/")[2]
                if name.startswith("libhdf5") and ".so" in name:
                    return name
    except OSError:
        pass
    for package in ("h5py", "tables", "netCDF4"):
        if package in sys.modules:
            return package
    return None


def _begin():
    if plugin_folder() is None:
        warnings.warn(
            "the plugin libhdfstream_vol.so was not installed with hdfstream_vol, so remote files cannot be "
            "opened; `pip install --target` leaves it out: install into a virtual environment instead",
            RuntimeWarning,
            stacklevel=3,
        )
    elif switch_on():
        loaded = _loaded_hdf5()
        if loaded is not None:
            warnings.warn(
                "hdfstream_vol was imported after HDF5 had started (%s), which reads its settings only once, so "
                "remote files cannot be opened; import hdfstream_vol before h5py, tables and netCDF4, or run "
                "`python -m hdfstream_vol SCRIPT`" % loaded,
                RuntimeWarning,
                stacklevel=3,
            )


_begin()
