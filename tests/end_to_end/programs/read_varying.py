"""Reads texts of variable length from a local and a remote file by the HDF5 of one Python package, by its calls of C,
and compares every byte: of the memory given, and of the texts it points to.

    read_varying.py PACKAGE LOCAL REMOTE COUNT
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
FILLER = 0xA5A5A5A5A5A5A5A5


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
chance = random.Random(11)
SELECT_SET, SELECT_OR = 0, 0 + 1
DATASETS = [
    "contiguous", "ascii", "square", "chunked", "zipped", "zipped square", "huge", "never written",
    "chunks never written", "with fill value", "rewritten", "partly written",
]


def slab(extents):
    parts = []
    for extent in extents:
        block = chance.choice([1, 1, chance.randint(1, max(1, extent // 4))])
        stride = block + chance.choice([0, 0, 1, 5])
        start = chance.randrange(extent - block + 1)
        most = (extent - start - block) // stride + 1
        parts.append((start, stride, chance.choice([most, chance.randint(1, most)]), block))
    return parts


def select(space, parts, operation=SELECT_SET):
    arrays = [dims([part[which] for part in parts]) for which in range(4)]
    assert call("H5Sselect_hyperslab", ctypes.c_int, space, operation, *arrays) >= 0


def file_selection(extents):
    kind = chance.randrange(8)
    if kind == 0:
        return hid(0)
    space = made("H5Screate_simple", len(extents), dims(extents), NULL)
    if kind == 1:
        points = [chance.randrange(extent) for _ in range(chance.randint(1, 40)) for extent in extents]
        number = len(points) // len(extents)
        assert call("H5Sselect_elements", ctypes.c_int, space, 0, ctypes.c_size_t(number), dims(points)) >= 0
        return space
    select(space, slab(extents))
    for _ in range(chance.randint(1, 3) if kind == 2 else 0):
        select(space, slab(extents), SELECT_OR)
    return space


def memory_selection(points, total):
    kind = chance.randrange(5)
    if kind == 0:
        return hid(0), total
    if kind == 1:
        space = made("H5Screate_simple", 1, dims([3 * points + 4]), NULL)
        select(space, [(2, 3, points, 1)])
        return space, 3 * points + 4
    if kind == 2 and points < 500:
        places = list(range(points + 3))
        chance.shuffle(places)
        space = made("H5Screate_simple", 1, dims([points + 3]), NULL)
        chosen = dims(places[:points])
        assert call("H5Sselect_elements", ctypes.c_int, space, 0, ctypes.c_size_t(points), chosen) >= 0
        return space, points + 3
    return made("H5Screate_simple", 1, dims([points]), NULL), points


def shown(buffer):
    """What the memory has: filler, nothing, or texts."""
    found = []
    for word in buffer:
        found.append(word if word in (0, FILLER) else ctypes.string_at(word))
    return found


free = ctypes.CDLL(None).free
free.argtypes = [ctypes.c_void_p]
files = [made("H5Fopen", name.encode(), 0, hid(0)) for name in (local, remote)]
compared = 0
for _ in range(int(count)):
    name = chance.choice(DATASETS)
    pair = [made("H5Dopen2", file, name.encode(), hid(0)) for file in files]
    space = made("H5Dget_space", pair[0])
    extents = dims([0] * 8)
    rank = call("H5Sget_simple_extent_dims", ctypes.c_int, space, extents, NULL)
    extents = list(extents)[:rank]
    total = 1
    for extent in extents:
        total *= extent
    chosen = file_selection(extents)
    points = total if chosen.value == 0 else call("H5Sget_select_npoints", ctypes.c_int64, chosen)
    memory, room = memory_selection(points, total)
    outcomes = []
    for dataset in pair:
        kind = made("H5Dget_type", dataset)
        buffer = (size * room)(*[FILLER] * room)
        status = call("H5Dread", ctypes.c_int, dataset, kind, memory, chosen, hid(0), buffer)
        outcomes.append((status >= 0, shown(buffer) if status >= 0 else None))
        for word in buffer if status >= 0 else []:
            if word not in (0, FILLER):
                free(word)
        call("H5Tclose", ctypes.c_int, kind)
        call("H5Dclose", ctypes.c_int, dataset)
    assert outcomes[0] == outcomes[1], (name, extents, points, chosen.value, memory.value)
    compared += outcomes[0][0]
    call("H5Sclose", ctypes.c_int, space)
assert compared > int(count) * 0.8, compared
print(compared)
