"""Datasets of variable length in one file: texts of many kinds, sequences, and compounds with such members.

    varying_files.py FILE LOWEST_FORMAT
"""

import sys

import h5py
import numpy
from h5py import h5d, h5p, h5s, h5t

name, libver = sys.argv[1:]
random = numpy.random.default_rng(5)
TEXT, ASCII = h5py.string_dtype(), h5py.string_dtype("ascii")


def texts(count):
    """Short ones mostly, some empty, a few longer than a collection, some not ASCII."""
    lengths = random.choice([0, 1, 7, 8, 30, 500, 9000], count, p=[0.1, 0.2, 0.2, 0.2, 0.2, 0.09, 0.01])
    letters = numpy.array(list("abcdefghä€𝄞 xyz"))
    return numpy.array(["".join(random.choice(letters, length)) for length in lengths], object)


with h5py.File(name, "w", libver=libver) as file:
    file["contiguous"] = texts(3000)
    file.create_dataset("ascii", data=[b"one", b"", b"three" * 3000, b"four"] * 40, dtype=ASCII)
    file.create_dataset("square", data=texts(2400).reshape(40, 60), dtype=TEXT)
    file.create_dataset("chunked", data=texts(3000), dtype=TEXT, chunks=(128,))
    file.create_dataset("zipped", data=texts(4000), dtype=TEXT, chunks=(500,), compression="gzip", shuffle=True)
    file.create_dataset("zipped square", data=texts(2400).reshape(40, 60), dtype=TEXT, chunks=(7, 16), compression="gzip")
    file.create_dataset("huge", data=["x" * 200_000, "", "y" * 70_000, "z"] * 3, dtype=TEXT)
    file.create_dataset("scalar", data="alone", dtype=TEXT)
    file.create_dataset("never written", (500,), TEXT)
    file.create_dataset("chunks never written", (500,), TEXT, chunks=(50,))[100:220] = texts(120)
    file.create_dataset("with fill value", (500,), TEXT, chunks=(50,), fillvalue="nothing")[100:220] = texts(120)

    # What was stored before leaves free space in the heaps, or between them.
    rewritten = file.create_dataset("rewritten", data=texts(2000), dtype=TEXT, chunks=(100,), maxshape=(None,))
    rewritten[::3] = texts(len(range(0, 2000, 3)))
    rewritten.resize((1500,))
    rewritten.resize((1700,))
    rewritten[100:400] = texts(300)

    # Nothing at all in place of some texts.
    data = h5d.create(file.id, b"partly written", h5t.py_create(TEXT, logical=True), h5s.create_simple((300,)))
    h5py.Dataset(data)[50:200] = texts(150)

    numbers = h5py.vlen_dtype("<i4")
    ragged = file.create_dataset("sequences", (1000,), numbers)
    ragged_zipped = file.create_dataset("sequences zipped", (1000,), numbers, chunks=(100,), compression="gzip")
    for row in range(0, 1000, 2):
        ragged[row] = ragged_zipped[row] = numpy.arange(row % 37)

    nested = numpy.dtype([("a", "u1"), ("text", TEXT), ("b", "<f8"), ("list", numbers), ("c", "i2")])
    rows = numpy.zeros(700, nested)
    rows["a"], rows["b"], rows["c"] = numpy.arange(700) % 200, random.random(700), -1
    rows["text"] = texts(700)
    for row in range(700):
        rows["list"][row] = numpy.arange(row % 11, dtype="i4")
    file.create_dataset("rows", data=rows)
    file.create_dataset("rows zipped", data=rows, chunks=(90,), compression="gzip")

    regions = file.create_dataset("regions", (60,), h5py.regionref_dtype)
    objects = file.create_dataset("objects", (60,), h5py.ref_dtype)
    for row in range(60):
        regions[row] = file["square"].regionref[row % 30 : row % 30 + 5, ::7]
        objects[row] = file["chunked"].ref
    file["contiguous"].attrs["texts"] = texts(20)
