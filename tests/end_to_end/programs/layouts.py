"""Chunked and contiguous datasets of random shapes, types, filters and fill values.

    layouts.py FILE SEED LOWEST_FORMAT
"""

import sys

import h5py
import numpy
from h5py import h5d, h5p, h5s, h5t, h5z

name, seed, libver = sys.argv[1:]
random = numpy.random.default_rng(int(seed))

NESTED = numpy.dtype([("a", "<i2"), ("b", ">f8", (2,)), ("c", "S3")])
SPREAD = numpy.dtype({"names": ["a", "b"], "formats": ["u1", "<f4"], "offsets": [1, 6], "itemsize": 12})
TYPES = ["i1", "<u2", ">i4", "<f4", ">f8", "<f2", "<i8", "S5", "S1", "V7", NESTED, SPREAD]


def elements(dtype, shape):
    """Some noise over what compresses."""
    count = int(numpy.prod(shape)) * dtype.itemsize
    smooth = numpy.repeat(numpy.arange(count // 16 + 1, dtype="u1"), 16)[:count]
    noisy = random.random(count) < 0.1
    smooth[noisy] = random.integers(0, 256, int(noisy.sum()))
    return numpy.frombuffer(smooth.tobytes(), dtype).reshape(shape)


def layout():
    rank = int(random.choice([1, 1, 2, 2, 2, 3, 4]))
    most = {1: 20000, 2: 160, 3: 30, 4: 12}[rank]
    shape = [int(random.integers(1, most)) for _ in range(rank)]
    chunk = [int(random.integers(1, extent + 1)) for extent in shape]
    if random.random() < 0.5:
        # Few chunks; else there may be very many.
        chunk = [max(part, extent // 5) for part, extent in zip(chunk, shape)]
    chunk = [max(part, extent // 20 + 1) for part, extent in zip(chunk, shape)]
    return tuple(shape), tuple(chunk)


def grown(shape):
    """How far a dataset may grow: not at all, in one dimension, in all, or within limits. Each has its own index."""
    kind = random.integers(0, 5)
    if kind == 0:
        return tuple(h5s.UNLIMITED for _ in shape)
    if kind == 1:
        which = random.integers(len(shape))
        return tuple(h5s.UNLIMITED if number == which else extent for number, extent in enumerate(shape))
    if kind == 2:
        return tuple(extent + int(random.integers(0, 50)) for extent in shape)
    return shape


def filtered(creation):
    filters = [
        lambda: creation.set_shuffle(),
        lambda: creation.set_deflate(int(random.integers(0, 10))),
        lambda: creation.set_fletcher32(),
        lambda: creation.set_filter(h5z.FILTER_LZF, h5z.FLAG_OPTIONAL),
    ]
    usual = [[], [1], [0, 1], [0, 1, 2], [0, 3], [3], [2]]
    if random.random() < 0.8:
        chosen = usual[int(random.integers(len(usual)))]
    else:
        chosen = random.permutation(4)[: int(random.integers(1, 5))]
    for which in chosen:
        filters[which]()
    return len(chosen)


def filled(creation, dtype):
    """What is read where nothing was written."""
    if dtype.kind in "iuf" and random.random() < 0.5:
        creation.set_fill_value(numpy.array(77, dtype))
    if random.random() < 0.3:
        creation.set_fill_time(int(random.choice([h5d.FILL_TIME_NEVER, h5d.FILL_TIME_IFSET, h5d.FILL_TIME_ALLOC])))


with h5py.File(name, "w", libver=libver, userblock_size=0 if libver == "earliest" else 1024) as file:
    for number in range(60):
        shape, chunk = layout()
        dtype = numpy.dtype(TYPES[int(random.integers(len(TYPES)))])
        creation = h5p.create(h5p.DATASET_CREATE)
        filled(creation, dtype)
        contiguous = number % 4 == 3
        if contiguous:
            shape = (8 * shape[0], *shape[1:])
            filters, limits = 0, shape
        else:
            creation.set_chunk(chunk)
            filters, limits = filtered(creation), grown(shape)
        if not filters and random.random() < 0.5:
            creation.set_alloc_time(h5d.ALLOC_TIME_EARLY)
        space = h5s.create_simple(shape, limits)
        made = h5d.create(file.id, b"d%d" % number, h5t.py_create(dtype, logical=True), space, creation)
        dataset = h5py.Dataset(made)
        if random.random() < 0.2:
            # Some chunks are never written, or nothing at all.
            if shape[0] < 2:
                continue
            dataset[: shape[0] // 2] = elements(dtype, (shape[0] // 2, *shape[1:]))
        else:
            dataset[...] = elements(dtype, shape)
        if filters and random.random() < 0.3:
            # A chunk without its filters, and one that lacks some of them.
            made.write_direct_chunk((0,) * len(shape), elements(dtype, chunk).tobytes(), (1 << filters) - 1)
