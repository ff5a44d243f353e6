"""Writes a file in many steps, by which every part of the format changes that programs change."""

import h5py
import numpy


def begin(name, **keywords):
    """Makes the file."""
    rng = numpy.random.default_rng(7)
    with h5py.File(name, "w", **keywords) as f:
        f.attrs["title"] = "a file"
        f["plain"] = numpy.arange(5000.0)
        f["text"] = "hello"
        f["words"] = numpy.array(["one", "two", "three"], dtype=h5py.string_dtype())
        group = f.create_group("group", track_order=True)
        for number in range(40):
            group.create_dataset(f"d{number}", data=rng.integers(0, 99, 20)).attrs["number"] = number
        f.create_dataset("grows", (0, 3), "i4", maxshape=(None, 3), chunks=(100, 3), compression="gzip", shuffle=True)
        f.create_dataset("shrinks", data=rng.random((300, 40)), maxshape=(None, None), chunks=(50, 10))
        lists = f.create_dataset("lists", (5,), h5py.vlen_dtype("i4"))
        for number in range(5):
            lists[number] = numpy.arange(number + 1)
        compound = numpy.zeros(10, [("x", "f8"), ("name", "S5"), ("inner", "i2", (2,))])
        compound["x"] = numpy.arange(10)
        f["table"] = compound
        f["refers"] = f["plain"].ref
        f["soft"] = h5py.SoftLink("/group/d3")
        f["away"] = h5py.ExternalLink("other.h5", "/value")
        f["hard"] = f["group/d5"]


def change(name):
    """Opens it again and changes it."""
    with h5py.File(name, "r+") as f:
        grows = f["grows"]
        for start in range(0, 1000, 250):
            grows.resize((start + 250, 3))
            grows[start:] = numpy.arange(start * 3, (start + 250) * 3).reshape(-1, 3)
            f.flush()
        f["shrinks"].resize((120, 17))
        f["plain"][1000:1010] = -1
        table = f["table"][:]
        table["name"] = b"later"
        f["table"][...] = table
    with h5py.File(name, "a") as f:
        del f["group/d7"], f["text"], f.attrs["title"]
        f.move("group/d9", "renamed")
        f["renamed"].attrs["was"] = "d9"
        f["renamed"].attrs.modify("number", 10)
        f.create_dataset("new/deep/er", data=numpy.arange(100), fletcher32=True)
        f.copy("shrinks", "copied")
        f["words"][1] = "a much longer word than there was"
