"""Dataspaces: null, scalar, without elements, unlimited, of up to 32 dimensions."""

import h5py
import numpy as np

from registry import corpus_file


@corpus_file("spaces.h5", "null, scalar, zero-size, unlimited and bounded spaces, for data and attributes")
def spaces(path):
    with h5py.File(path, "w") as file:
        for dtype in ("<i4", "<f8", "S4"):
            group = file.create_group(dtype.strip("<"))
            group.create_dataset("null", data=h5py.Empty(dtype))
            group.create_dataset("scalar", data=np.ones((), dtype))
            group.create_dataset("one", data=np.ones(1, dtype))
            group.create_dataset("zero", shape=(0,), dtype=dtype)
            group.create_dataset("zero_inside", shape=(3, 0, 4), dtype=dtype)
            group.create_dataset("zero_unlimited", shape=(0, 5), maxshape=(None, 5), dtype=dtype)
            group.create_dataset("zero_unlimited_both", shape=(0, 0), maxshape=(None, None), dtype=dtype)
            group.create_dataset("unlimited", data=np.ones((6, 5), dtype), maxshape=(None, None))
            group.create_dataset("bounded", data=np.ones((6, 5), dtype), maxshape=(60, 5))
            group.create_dataset("thin", data=np.ones((1, 1, 1000, 1), dtype))
            group.attrs["null"] = h5py.Empty(dtype)
            group.attrs["scalar"] = np.ones((), dtype)
            group.attrs["grid"] = np.ones((3, 2, 2), dtype)
        file.create_dataset("null_string", data=h5py.Empty(h5py.string_dtype()))
        file.create_dataset("wide", shape=(3, 20_000), dtype="i1", chunks=(1, 5000), fillvalue=2)


@corpus_file("spaces_rank32.h5", "contiguous data of 32 dimensions")
def rank32(path):
    with h5py.File(path, "w") as file:
        shape = (2,) * 6 + (1,) * 20 + (2,) * 6
        file["all"] = np.arange(4096, dtype="<i2").reshape(shape)
        file["ones"] = np.ones((1,) * 32)
        file.attrs["attribute"] = np.arange(16).reshape((2,) * 4 + (1,) * 28)
        for rank in (2, 3, 5, 9, 17, 31):
            file[f"rank{rank}"] = np.arange(2 ** min(rank, 7)).reshape(
                (2,) * min(rank, 7) + (1,) * max(rank - 7, 0))


@corpus_file("spaces_rank32_chunked.h5", "chunked data of 32 dimensions: h5dump divides by zero",
             skip=("h5dump", "h5ls -d"))
def rank32_chunked(path):
    with h5py.File(path, "w") as file:
        shape = (2,) * 6 + (1,) * 20 + (2,) * 6
        file.create_dataset("chunked", data=np.arange(4096, dtype="<i2").reshape(shape),
                            chunks=(1,) * 3 + (2,) * 3 + (1,) * 20 + (2,) * 6)
