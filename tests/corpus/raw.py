"""HDF5 without h5py: a few ctypes lines over any libhdf5.

It serves two needs: the same file written by different versions of the library, and calls that h5py
does not wrap. The libraries are HDF5 1.14 from the tools directory and the private HDF5 2.2 of the
netCDF4 wheel.
"""

import ctypes
import functools
import os
import sys
from pathlib import Path

import numpy as np

UNLIMITED = 2**64 - 1
DEFAULT = 0
ACC_TRUNC, ACC_RDWR = 2, 1
SCALAR, SIMPLE, NULL = 0, 1, 2
STRING, COMPOUND, ENUM = 3, 6, 8
VARIABLE = 2**64 - 1
COMPACT, CONTIGUOUS, CHUNKED = 0, 1, 2
ALLOC_EARLY, ALLOC_LATE, ALLOC_INCR = 1, 2, 3

#: Functions which return an id; all others that are used return a herr_t.
RETURN_IDS = {
    "H5Acreate2", "H5Dcreate2", "H5Dget_space", "H5Dopen2", "H5Fcreate", "H5Fopen", "H5Gcreate2",
    "H5Gopen2", "H5Oopen", "H5Pcreate", "H5Screate", "H5Screate_simple", "H5Scopy",
    "H5Tarray_create2", "H5Tcomplex_create", "H5Tcopy", "H5Tcreate", "H5Tenum_create",
    "H5Tvlen_create", "H5Dcreate_anon",
}


class Hdf5Error(RuntimeError):
    """A call of the library failed; its own error stack is on stderr."""


class Hdf5:
    """A loaded libhdf5: `lib.H5Fcreate(...)` calls, `lib.id("H5T_STD_I8LE")` is a global id."""

    def __init__(self, path):
        self._dll = ctypes.CDLL(str(path))
        self.H5open()

    def id(self, name):
        return ctypes.c_int64.in_dll(self._dll, name + "_g").value

    def __getattr__(self, name):
        function = getattr(self._dll, name)
        function.restype = ctypes.c_int64 if name in RETURN_IDS else ctypes.c_int

        def call(*arguments):
            converted = [_to_c(argument) for argument in arguments]
            result = function(*converted)
            if result < 0:
                raise Hdf5Error(name)
            return result

        setattr(self, name, call)
        return call

    def plist(self, kind):
        """A new property list of class `kind`, as in H5P_CLS_<kind>_ID."""
        return self.H5Pcreate(self.id(f"H5P_CLS_{kind}_ID"))

    def space(self, shape, maxshape=None):
        """A dataspace; shape () is a scalar and None a null space."""
        if shape is None or shape == ():
            return self.H5Screate(NULL if shape is None else SCALAR)
        limits = None if maxshape is None else list(maxshape)
        return self.H5Screate_simple(len(shape), list(shape), limits)

    def string(self, size, cset=0, padding=0):
        kind = self.H5Tcopy(self.id("H5T_C_S1"))
        self.H5Tset_size(kind, size)
        self.H5Tset_cset(kind, cset)
        self.H5Tset_strpad(kind, padding)
        return kind

    def dataset(self, where, name, kind, data, *, shape=None, maxshape=None, dcpl=DEFAULT,
                memory=None):
        """Create a dataset and write the array `data`; return its id.

        Without data nothing is written; with neither data nor shape the space is null.
        """
        if shape is None and data is not None:
            shape = data.shape
        made = self.H5Dcreate2(where, name, kind, self.space(shape, maxshape), 0, dcpl, 0)
        if data is not None:
            self.H5Dwrite(made, memory or kind, 0, 0, 0, data)
        return made

    def attribute(self, where, name, kind, data, shape=None):
        if shape is None and data is not None:
            shape = data.shape
        made = self.H5Acreate2(where, name, kind, self.space(shape), 0, 0)
        if data is not None:
            self.H5Awrite(made, kind, data)
        self.H5Aclose(made)


class HighLevel(Hdf5):
    """libhdf5_hl, beside a libhdf5 that is loaded already."""

    def __init__(self, path):
        self._dll = ctypes.CDLL(str(path))


def _to_c(value):
    if isinstance(value, (bool, int, np.integer)):
        value = int(value)
        return ctypes.c_uint64(value) if value >= 2**63 else ctypes.c_int64(value)
    if isinstance(value, float):
        return ctypes.c_double(value)
    if isinstance(value, str):
        return ctypes.c_char_p(value.encode())
    if isinstance(value, np.ndarray):
        assert value.flags.c_contiguous
        return ctypes.c_void_p(value.ctypes.data)
    if isinstance(value, list):
        return (ctypes.c_uint64 * len(value))(*[int(item) % 2**64 for item in value])
    return value


def strings(*values):
    """An array of char pointers for writing variable-length strings, and what keeps them alive."""
    pointers = (ctypes.c_char_p * len(values))(*values)
    return np.frombuffer(pointers, dtype=np.uint64)


def tools_directory():
    """Where `provision` put HDF5: beside the Python environment that runs this."""
    return Path(os.path.realpath(sys.prefix)).parent


@functools.cache
def hdf5_114():
    return Hdf5(tools_directory() / "hdf5-1.14" / "lib" / "libhdf5.so")


@functools.cache
def hdf5_22():
    import netCDF4

    libraries = Path(netCDF4.__file__).parent.parent / "netcdf4.libs"
    (path,) = libraries.glob("libhdf5-*.so*")
    return Hdf5(path)
