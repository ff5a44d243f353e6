"""Reads random regions of all datasets of a local and a remote file by the HDF5 of one Python package, by its calls of
C, and compares every byte of memory.

    read_regions.py PACKAGE LOCAL REMOTE COUNT
"""

import ctypes
import importlib
import random
import sys

package, local, remote, count = sys.argv[1:]
importlib.import_module(package)
with open("/proc/self/maps") as maps:
    names = {line.split()[-1] for line in maps if "/libhdf5-" in line}
(library,) = names
h5 = ctypes.CDLL(library)
hid, size = ctypes.c_int64, ctypes.c_uint64
NULL = None


def call(name, result, *arguments):
    function = getattr(h5, name)
    function.restype = result
    return function(*arguments)


def made(name, *arguments):
    """Calls what returns an id."""
    found = call(name, hid, *arguments)
    assert found >= 0, name
    return hid(found)


def dims(numbers):
    return (size * len(numbers))(*numbers)


call("H5Eset_auto2", ctypes.c_int, hid(0), NULL, NULL)
chance = random.Random(7)
READ_ONLY, SELECT_SET, SELECT_OR = 0, 0, 1


def slab(extents):
    """Start, stride, count and block of a random hyperslab."""
    parts = []
    for extent in extents:
        kind = chance.randrange(4)
        if kind == 0:
            parts.append((0, 1, extent, 1))
        elif kind == 1:
            start = chance.randrange(extent)
            parts.append((start, 1, chance.randint(1, extent - start), 1))
        else:
            block = chance.randint(1, max(1, extent // 6))
            stride = block + (chance.randint(0, max(1, extent // 8)) if kind == 2 else 0)
            start = chance.randrange(extent - block + 1)
            parts.append((start, stride, chance.randint(1, (extent - start - block) // stride + 1), block))
    return parts


def select(space, parts, operation=SELECT_SET):
    arrays = [dims([part[which] for part in parts]) for which in range(4)]
    assert call("H5Sselect_hyperslab", ctypes.c_int, space, operation, *arrays) >= 0


def file_selection(extents):
    space = made("H5Screate_simple", len(extents), dims(extents), NULL)
    kind = chance.randrange(16)
    parts = slab(extents)
    if kind >= 6:
        select(space, parts)
    elif kind >= 3:
        # What several regions have together, as lists of rows are.
        select(space, parts)
        for _ in range(chance.randint(1, 4)):
            select(space, slab(extents), SELECT_OR)
    elif kind == 1:
        points = [chance.randrange(extent) for _ in range(chance.randint(1, 50)) for extent in extents]
        number = len(points) // len(extents)
        assert call("H5Sselect_elements", ctypes.c_int, space, 0, ctypes.c_size_t(number), dims(points)) >= 0
    elif kind == 2:
        # Moved as a whole.
        select(space, parts)
        low, high = dims(extents), dims(extents)
        assert call("H5Sget_select_bounds", ctypes.c_int, space, low, high) >= 0
        moves = [extent - 1 - last for extent, last in zip(extents, high)]
        moves = (ctypes.c_int64 * len(moves))(*(chance.randint(0, move) for move in moves))
        assert call("H5Soffset_simple", ctypes.c_int, space, moves) >= 0
    return space, parts if kind >= 6 else None


def memory_selection(points, parts, extents):
    """A space in memory with so many selected elements, and how many it has in all."""
    kind = chance.randrange(7)
    if kind == 5:
        # Behind a gap, and with one after the first half.
        half = points // 2
        space = made("H5Screate_simple", 1, dims([points + 9]), NULL)
        if half:
            select(space, [(3, 1, half, 1)])
        select(space, [(5 + half, 1, points - half, 1)], SELECT_OR if half else SELECT_SET)
        return space, points + 9
    if kind == 6 and points < 1000:
        # In any order, but no place twice: which of two elements it then has is not certain.
        places = list(range(points + 3))
        chance.shuffle(places)
        if chance.randrange(2):
            places = sorted(places[:points])
        space = made("H5Screate_simple", 1, dims([points + 3]), NULL)
        chosen = dims(places[:points])
        assert call("H5Sselect_elements", ctypes.c_int, space, 0, ctypes.c_size_t(points), chosen) >= 0
        return space, points + 3
    if kind == 0:
        return made("H5Screate_simple", 1, dims([points]), NULL), points
    if kind == 1:
        space = made("H5Screate_simple", 1, dims([3 * points + 4]), NULL)
        select(space, [(2, 3, points, 1)])
        return space, 3 * points + 4
    if kind == 2:
        # As the dataset, at the same places.
        total = 1
        for extent in extents:
            total *= extent
        return hid(0), total
    lengths = [part[2] * part[3] for part in parts] if parts else [points]
    if kind == 3:
        # In a larger array of the same dimensions, or with one more.
        chosen = [(chance.randint(0, 2), chance.randint(1, 2), length, 1) for length in lengths]
        if chance.randrange(2):
            chosen.insert(chance.randrange(len(chosen) + 1), (1, 1, 1, 1))
        around = [start + stride * (number - 1) + 1 + chance.randint(0, 2) for start, stride, number, _ in chosen]
        space = made("H5Screate_simple", len(around), dims(around), NULL)
        select(space, chosen)
    else:
        around = lengths
        space = made("H5Screate_simple", len(around), dims(around), NULL)
    total = 1
    for extent in around:
        total *= extent
    return space, total


def datasets(file):
    return [made("H5Dopen2", file, b"d%d" % number, hid(0)) for number in range(60)]


NUMBERS = (0, 1)
WIDE, NARROW = (hid.in_dll(h5, f"H5T_{name}_g") for name in ("IEEE_F64BE", "STD_I16LE"))


def types(dataset):
    """As stored, as this machine has it, and for numbers two others."""
    stored = made("H5Dget_type", dataset)
    number = call("H5Tget_class", ctypes.c_int, stored) in NUMBERS
    others = [WIDE, NARROW] if number else []
    return [stored, stored, made("H5Tget_native_type", stored, 0), *others]


files = [made("H5Fopen", name.encode(), READ_ONLY, hid(0)) for name in (local, remote)]
pairs = list(zip(*map(datasets, files)))
compared = failed = 0
for _ in range(int(count)):
    number = chance.randrange(len(pairs))
    space = made("H5Dget_space", pairs[number][0])
    extents = dims([0] * 8)
    rank = call("H5Sget_simple_extent_dims", ctypes.c_int, space, extents, NULL)
    extents = list(extents)[:rank]
    chosen, parts = file_selection(extents)
    points = call("H5Sget_select_npoints", ctypes.c_int64, chosen)
    memory, total = memory_selection(points, parts, extents)
    whole = memory.value == 0 and chance.randrange(3) == 0
    which = chance.randrange(5)
    buffers, outcomes = [], []
    for dataset in pairs[number]:
        kinds = types(dataset)
        kind = kinds[which % len(kinds)]
        length = max(call("H5Tget_size", ctypes.c_size_t, kind), 1) * total
        buffer = ctypes.create_string_buffer(b"\xa5" * length, length)
        region = hid(0) if whole else chosen
        outcomes.append(call("H5Dread", ctypes.c_int, dataset, kind, memory, region, hid(0), buffer) >= 0)
        buffers.append(buffer.raw)
    assert outcomes[0] == outcomes[1], (number, outcomes, extents, parts)
    if outcomes[0]:
        assert buffers[0] == buffers[1], (number, extents, parts, which, whole)
        compared += 1
    else:
        failed += 1
    for made_here in (chosen, space):
        call("H5Sclose", ctypes.c_int, made_here)
assert compared > failed, (compared, failed)
print(compared)
