"""Seeded random selections of a dataset, each with a label and a function that reads it."""

import zlib

import h5py
import numpy as np
from h5py import h5s, h5t

#: Selections are made within this many elements, so that huge datasets cost little.
BUDGET = 1 << 20


def generator(name):
    return np.random.default_rng(zlib.crc32(name.encode("utf-8", "surrogateescape")))


def selections(dataset, name):
    """Yield (label, function) pairs; what they read depends on the dataset's name and shape only."""
    yield "all in memory order", lambda: read_direct(dataset)
    if dataset.shape is None:
        return
    rng = generator(name)
    if dataset.shape == ():
        yield "ellipsis", lambda: dataset[...]
        yield from conversions(dataset, ())
        return
    if dataset.size == 0:
        yield "empty", lambda: dataset[...]
        return
    for _ in range(3):
        key = hyperslab(dataset.shape, rng)
        yield f"slices {shown(key)}", lambda key=key: dataset[key]
    point = tuple(int(rng.integers(0, extent)) for extent in dataset.shape)
    yield f"element {point}", lambda: dataset[point]
    axis = int(rng.integers(0, len(dataset.shape)))
    rows = np.unique(rng.integers(0, dataset.shape[axis], 4)).tolist()
    key = list(hyperslab(dataset.shape, rng))
    key[axis] = rows
    yield f"list {shown(tuple(key))}", lambda: dataset[tuple(key)]
    # With 32 dimensions h5py crashes on masks and points, and HDF5 when memory has fewer of them than
    # the file: on local files too.
    if dataset.ndim < 32:
        if dataset.size <= 100_000:
            mask = rng.random(dataset.shape) < min(1.0, 50 / dataset.size)
            yield "mask", lambda: dataset[mask]
        yield "points", lambda: points(dataset, generator(name + " points"))
        yield "into strided memory", lambda: strided_memory(dataset, generator(name + " strided"))
    if dataset.dtype.names:
        for field in dataset.dtype.names[:5]:
            yield f"field {field!r}", lambda field=field: dataset[field, ...][:1000]
        pair = list(dataset.dtype.names[:2])
        yield f"fields {pair}", lambda: dataset.fields(pair)[:20]
    yield from conversions(dataset, hyperslab(dataset.shape, rng))


def hyperslab(shape, rng):
    """A slice for each axis: random start, length and step, together within the budget."""
    key, left = [], BUDGET
    for extent in reversed(shape):
        start = int(rng.integers(0, extent))
        most = max(1, min(extent - start, left))
        length = int(rng.integers(1, most + 1))
        step = int(rng.integers(1, 5))
        key.append(slice(start, start + length, step))
        left = max(1, left // length)
    return tuple(reversed(key))


def shown(key):
    parts = [f"{k.start}:{k.stop}:{k.step}" if isinstance(k, slice) else str(k) for k in key]
    return "[" + ", ".join(parts) + "]"


def read_direct(dataset):
    if dataset.size is None or dataset.size == 0 or dataset.size > BUDGET:
        return "not read"
    out = np.zeros(dataset.shape, dtype=dataset.dtype, order="C")
    dataset.read_direct(out)
    return out


def points(dataset, rng):
    """Elements in any order, some of them twice."""
    coordinates = np.stack([rng.integers(0, extent, 6) for extent in dataset.shape], axis=1)
    coordinates[5] = coordinates[0]
    space = dataset.id.get_space()
    space.select_elements(coordinates.astype("u8"))
    out = np.zeros(6, dtype=dataset.dtype)
    dataset.id.read(h5s.create_simple((6,)), space, out)
    return out


def strided_memory(dataset, rng):
    """A hyperslab scattered into every second element of a buffer."""
    key = hyperslab(dataset.shape, rng)
    shape = tuple(len(range(k.start, k.stop, k.step)) for k in key)
    file_space = dataset.id.get_space()
    file_space.select_hyperslab(tuple(k.start for k in key), shape, tuple(k.step for k in key))
    count = int(np.prod(shape))
    memory = h5s.create_simple((2 * count + 1,))
    memory.select_hyperslab((1,), (count,), (2,))
    out = np.zeros(2 * count + 1, dtype=dataset.dtype)
    dataset.id.read(memory, file_space, out)
    return out


def conversions(dataset, key):
    """The same selection read as other types; many of these fail, alike on both sides."""
    for target in ("f8", ">f4", "i2", "u1", "S10", "c16"):
        yield f"as {target}", lambda target=target: dataset.astype(target)[key]
    if h5py.check_string_dtype(dataset.dtype):
        yield "as str", lambda: dataset.asstr(errors="replace")[key]
    if dataset.dtype.kind in "iuf":
        yield "as native int64", lambda: native_integers(dataset)


def native_integers(dataset):
    if dataset.size > BUDGET:
        return "not read"
    out = np.zeros(dataset.shape, "i8")
    dataset.id.read(h5s.ALL, h5s.ALL, out, mtype=h5t.NATIVE_INT64)
    return out
