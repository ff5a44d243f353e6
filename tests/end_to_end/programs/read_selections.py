"""Reads random selections of two files, local and remote, and compares every byte."""

import sys

import h5py
import numpy

random = numpy.random.default_rng(11)


def block(shape):
    """A hyperslab with stride and block, within the shape."""
    start, stride, count, size = [], [], [], []
    for extent in shape:
        size.append(int(random.integers(1, max(2, extent // 20))))
        stride.append(size[-1] + int(random.integers(0, max(1, extent // 10))))
        start.append(int(random.integers(0, extent - size[-1] + 1)))
        count.append(1 + int(random.integers(0, (extent - start[-1] - size[-1]) // stride[-1] + 1)))
        if numpy.prod(count) * numpy.prod(size) > 200000:
            count[-1] = 1
    return tuple(start), tuple(count), tuple(stride), tuple(size)


def selection(shape):
    space = h5py.h5s.create_simple(shape)
    kind = int(random.integers(0, 5))
    if kind == 0:
        space.select_all() if numpy.prod(shape) < 100000 else space.select_hyperslab(*block(shape))
    elif kind == 1:
        space.select_hyperslab(*block(shape))
    elif kind == 2:
        points = [[int(random.integers(0, extent)) for extent in shape] for _ in range(random.integers(1, 200))]
        space.select_elements(points)
    elif kind == 3:
        # Blocks apart in the first dimension, one after the other: what HDF5 reads right in every version.
        row = 0
        space.select_none()
        while row < shape[0] - 3 and row < 2000:
            space.select_hyperslab((row,) + (0,) * (len(shape) - 1), (2,) + tuple(shape[1:]), op=h5py.h5s.SELECT_OR)
            row += int(random.integers(3, 400))
    else:
        space.select_hyperslab(*block(shape))
        highest = space.get_select_bounds()[1]
        space.offset_simple(tuple((extent - 1 - bound) // 2 for extent, bound in zip(shape, highest)))
    return space


def memory(count):
    """Where the elements go: one after the other, or spread."""
    if random.integers(0, 2):
        return h5py.h5s.create_simple((count,)), (count,)
    space = h5py.h5s.create_simple((2 * count + 3,))
    space.select_hyperslab((1,), (count,), (2,))
    return space, (2 * count + 3,)


local, remote = (h5py.File(name, "r") for name in sys.argv[1:3])
read = 0
for number in range(int(sys.argv[3])):
    name = str(random.choice(list(local)))
    one, other = local[name].id, remote[name].id
    chosen = selection(local[name].shape)
    types = [local[name].dtype]
    if local[name].dtype.kind != "S":
        types += ["f8", "f4", "i8", ">i4", "i2"]
    kind = numpy.dtype(types[int(random.integers(0, len(types)))])
    space, shape = memory(chosen.get_select_npoints())
    buffers = numpy.full(shape, 7).astype(kind), numpy.full(shape, 7).astype(kind)
    one.read(space, chosen, buffers[0], h5py.h5t.py_create(kind))
    other.read(space, chosen, buffers[1], h5py.h5t.py_create(kind))
    assert buffers[0].tobytes() == buffers[1].tobytes(), (number, name, kind, chosen.get_select_type())
    read += 1
print(read)
