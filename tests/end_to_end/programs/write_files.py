"""Files that tests make for themselves, where the corpus would be too much."""

import h5py
import numpy


def mixed(name):
    """A bit of everything that command-line tools treat."""
    random = numpy.random.default_rng(1)
    with h5py.File(name, "w") as file:
        file["numbers"] = numpy.arange(1000, dtype="i4")
        file["numbers"].attrs["unit"] = "m"
        file.create_dataset("packed", data=random.integers(0, 50, (200, 300)), chunks=(20, 30),
                            compression="gzip", shuffle=True)
        file["words"] = ["one", "two", "three and more"]
        group = file.create_group("group/nested")
        group["matrix"] = random.random((40, 50))
        group.attrs["long"] = numpy.arange(2000.0)
        file["soft"] = h5py.SoftLink("/group/nested/matrix")
        file["again"] = file["numbers"]


def plain(name):
    """Numbers in groups, in the part of HDF5 that h5py, PyTables and netCDF4 all read."""
    random = numpy.random.default_rng(5)
    with h5py.File(name, "w", track_order=True) as file:
        file.attrs["title"] = numpy.bytes_("made up")
        for number in range(4):
            group = file.create_group(f"group{number}", track_order=True)
            group.attrs["number"] = number
            group.create_dataset("whole", data=random.integers(-99, 99, (30, 40), dtype="i2"))
            packed = group.create_dataset("packed", data=random.random((50, 60)), chunks=(7, 60),
                                          compression="gzip", shuffle=True, fletcher32=True)
            packed.attrs["range"] = numpy.array([0.0, 1.0])


def small(name, value=1):
    """One dataset, so that a test can tell one file from another."""
    with h5py.File(name, "w") as file:
        file["x"] = numpy.full(1000, value, dtype="i8")
        file.attrs["value"] = value


def contiguous(name, size, libver=None):
    """One contiguous dataset of `size` bytes that do not repeat."""
    with h5py.File(name, "w", libver=libver) as file:
        file["x"] = numpy.random.default_rng(2).integers(0, 2**63, size // 8)


def chunked(name, chunks, chunk, datasets=1):
    """Datasets of gzipped and shuffled chunks of `chunk` values each."""
    random = numpy.random.default_rng(3)
    with h5py.File(name, "w") as file:
        for number in range(datasets):
            data = random.integers(0, 1000, chunks * chunk, dtype="i4")
            file.create_dataset(f"x{number}", data=data, chunks=(chunk,), compression="gzip",
                                compression_opts=1, shuffle=True)


def many_objects(name, objects=20000, libver=None):
    """Groups of 100 small datasets each; every object has one attribute."""
    with h5py.File(name, "w", libver=libver) as file:
        groups = objects // 100
        for number in range(groups):
            group = file.create_group(f"group{number:04}")
            group.attrs["number"] = number
            for inner in range(99):
                group.create_dataset(f"data{inner:02}", data=inner).attrs["unit"] = "kg"


def wide(name, groups=200):
    """Something to list: a root with groups, each with an attribute."""
    with h5py.File(name, "w") as file:
        for number in range(groups):
            file.create_group(f"group{number:03}").attrs["number"] = number


def table(name, rows=1 << 18):
    """Rows of 16 numbers in chunks of 1,024 rows, neither compressed nor otherwise filtered."""
    random = numpy.random.default_rng(11)
    with h5py.File(name, "w") as file:
        file.create_dataset("rows", data=random.random((rows, 16), "f4"), chunks=(1024, 16))


def fields(name, side=1024):
    """Four compressed fields."""
    random = numpy.random.default_rng(12)
    with h5py.File(name, "w") as file:
        for number in range(4):
            field = random.integers(0, 1 << 12, (side, side), dtype="i4")
            file.create_dataset(f"field{number}", data=field, chunks=(64, 64), compression="gzip", shuffle=True)


def texts(name, count=200_000):
    """Strings of different lengths, in global heaps."""
    random = numpy.random.default_rng(13)
    words = numpy.array([f"object-{number:x}" * (1 + number % 4) for number in range(5000)], object)
    with h5py.File(name, "w") as file:
        data = file.create_dataset("text", (count,), h5py.string_dtype())
        for start in range(0, count, 50_000):
            data[start : start + 50_000] = words[random.integers(0, len(words), 50_000)]


def siblings(name, groups=4, datasets=50):
    """Datasets of many sizes, stored in all usual ways."""
    random = numpy.random.default_rng(14)
    kinds = [{}, {"chunks": True}, {"compression": "lzf"}, {"compression": "gzip", "shuffle": True}]
    with h5py.File(name, "w") as file:
        for group in range(groups):
            for number in range(datasets):
                values = numpy.cumsum(random.integers(-3, 4, int(10 ** random.uniform(3, 5.3)))).astype("f4")
                kind = kinds[number % 4]
                file.create_dataset(f"part{group}/quantity{number}", data=values, **kind)


def grows_sideways(name):
    """Chunks that HDF5 counts in another order than it stores them."""
    random = numpy.random.default_rng(15)
    with h5py.File(name, "w", libver="latest") as file:
        for filters in [{}, {"compression": "gzip"}]:
            data = random.integers(0, 1 << 12, (256, 4096), dtype="i4")
            file.create_dataset(f"x{len(filters)}", data=data, maxshape=(256, None), chunks=(32, 32), **filters)
