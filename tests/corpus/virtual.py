"""Virtual datasets: fixed, with missing sources, unlimited, by file name pattern, nested."""

import h5py
import numpy as np
from h5py import h5d, h5p, h5s, h5t

from registry import corpus_file


@corpus_file("virtual/source_0.h5", "source of virtual.h5, and itself an ordinary file")
def source_zero(path):
    for number in range(4):
        with h5py.File(path.replace("_0", f"_{number}"), "w", libver=("v110", "v114")) as file:
            file["data"] = np.arange(100, dtype="<i4").reshape(10, 10) + 100 * number
            grown = file.create_dataset("grown", (3 + number, 10), maxshape=(None, 10), dtype="<i4",
                                        chunks=(2, 10))
            grown[...] = np.arange(grown.size).reshape(grown.shape) * (number + 1)


def source(number, name="data", shape=(10, 10), maxshape=None):
    return h5py.VirtualSource(f"virtual/source_{number}.h5", name, shape=shape, maxshape=maxshape)


@corpus_file("virtual.h5", "virtual datasets over files of a sub-directory, this file, missing files")
def virtual(path):
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        stacked = h5py.VirtualLayout((4, 10, 10), "<i4")
        for number in range(4):
            stacked[number] = source(number)
        file.create_virtual_dataset("stacked", stacked, fillvalue=-1)

        woven = h5py.VirtualLayout((20, 10), "<f8")
        woven[0::2] = source(0)
        woven[1::2, 3:8] = source(1)[:, 5:]
        file.create_virtual_dataset("woven", woven, fillvalue=0.5)

        missing = h5py.VirtualLayout((30, 10), "<i4")
        missing[0:10] = source(2)
        missing[10:20] = h5py.VirtualSource("virtual/nowhere.h5", "data", shape=(10, 10))
        missing[20:30] = source(3, name="no such dataset")
        file.create_virtual_dataset("missing", missing, fillvalue=-99)

        file["own"] = np.arange(50, dtype="<i4")
        same = h5py.VirtualLayout((2, 50), "<i4")
        same[0] = h5py.VirtualSource(".", "own", shape=(50,))
        same[1] = h5py.VirtualSource(file["own"])
        file.create_virtual_dataset("same_file", same)

        nested = h5py.VirtualLayout((10,), "<i4")
        nested[...] = h5py.VirtualSource(".", "stacked", shape=(4, 10, 10))[1, :, 4]
        file.create_virtual_dataset("nested", nested)
        file.create_virtual_dataset("unmapped", h5py.VirtualLayout((5,), "<i4"), fillvalue=3)


@corpus_file("virtual_unlimited.h5", "virtual datasets which follow growing sources, and printf patterns")
def virtual_unlimited(path):
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        layout = h5py.VirtualLayout((6, 10), "<i4", maxshape=(None, 10))
        growing = source(3, "grown", (6, 10), (None, 10))
        layout[: h5s.UNLIMITED] = growing[: h5s.UNLIMITED]
        file.create_virtual_dataset("follows", layout, fillvalue=-5)

        # One block of ten rows for each file source_0.h5, source_1.h5, ... that exists.
        dcpl = h5p.create(h5p.DATASET_CREATE)
        whole = h5s.create_simple((0, 10), (h5s.UNLIMITED, 10))
        whole.select_hyperslab((0, 0), (h5s.UNLIMITED, 1), (10, 10), (10, 10))
        block = h5s.create_simple((10, 10))
        dcpl.set_virtual(whole, b"virtual/source_%b.h5", b"data", block)
        dcpl.set_fill_value(np.array(-2, "<i4"))
        h5d.create(file.id, b"pattern", h5t.STD_I32LE, whole, dcpl)
