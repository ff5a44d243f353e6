"""Larger files, for counting requests: many objects, much contiguous data, many compressed chunks."""

import h5py
import numpy as np

import raw
from registry import corpus_file


@corpus_file("many_objects.h5", "20,000 groups and datasets, one attribute each", large=True)
def many_objects(path):
    lib = raw.hdf5_22()
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, 0)
    kind, space = lib.id("H5T_STD_I32LE"), lib.space((4,))
    for i in range(100):
        group = lib.H5Gcreate2(file, f"group {i:02d}", 0, 0, 0)
        lib.attribute(group, "number", kind, np.array([i], dtype="i4"))
        for j in range(199):
            name = f"{'dataset' if j % 4 else 'group'} {j:03d}"
            if j % 4:
                made = lib.H5Dcreate2(group, name, kind, space, 0, 0, 0)
                lib.H5Dwrite(made, kind, 0, 0, 0, np.arange(j, j + 4, dtype="i4"))
                lib.attribute(made, "number", kind, np.array([j], dtype="i4"))
                lib.H5Dclose(made)
            else:
                made = lib.H5Gcreate2(group, name, 0, 0, 0)
                lib.attribute(made, "number", kind, np.array([j], dtype="i4"))
                lib.H5Gclose(made)
        lib.H5Gclose(group)
    lib.H5Fclose(file)


def walk(count, seed):
    """A random walk: int32 values that compress about as well as measurements do."""
    return np.cumsum(np.random.default_rng(seed).integers(-500, 501, count, dtype="i4"), dtype="i4")


@corpus_file("contiguous_64m.h5", "64 MiB of contiguous data", large=True)
def contiguous(path):
    with h5py.File(path, "w") as file:
        file["data"] = walk(16 * 2**20, 1).reshape(4096, 4096)


@corpus_file("gzip_256chunks.h5", "64 MiB as 256 chunks with shuffle and gzip", large=True)
def gzip_chunks(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=walk(16 * 2**20, 2).reshape(4096, 4096), chunks=(256, 256),
                            shuffle=True, compression=1)
