"""Files that a server of the older protocol can tell object by object."""

import h5py
import numpy

# Half precision is not among them: whether a server has it depends on its compiler.
NUMBERS = "i1 u1 i2 u2 i4 u4 i8 u8 f4 f8".split()


def everything(name):
    """Every type, shape and link that the protocol carries as it is."""
    random = numpy.random.default_rng(7)
    with h5py.File(name, "w") as file:
        file.attrs["title"] = "made up"
        file.attrs["count"] = numpy.int32(3)
        file.attrs["words"] = ["one", "two"]
        for kind in NUMBERS:
            data = file.create_dataset(f"numbers/{kind}", data=random.integers(0, 100, (5, 7)).astype(kind))
            data.attrs["some"] = numpy.arange(3).astype(kind)
            data.attrs["one"] = numpy.ones((), kind)
        file["text/fixed"] = numpy.array([b"abc", b"", b"xyz12"], "S5")
        file["text/varying"] = ["one", "", "drei\u00e9"]
        file["text/one"] = "hello"
        pair = numpy.dtype([("a", "i4"), ("b", "f8"), ("c", "S3"), ("d", "f4", (2,))])
        file["compound"] = numpy.array([(1, 2.5, b"q", (0, 1)), (3, 4.5, b"rr", (2, 3))], pair)
        file["compound"].attrs["pair"] = numpy.array((7, 8.5, b"s", (9, 9)), pair)
        lists = file.create_dataset("lists", (3,), h5py.vlen_dtype("i4"))
        lists[0], lists[2] = [1, 2, 3], [4]
        file["scalar"] = 5.5
        file["nothing"] = numpy.zeros((0, 3), "f4")
        file["many"] = random.random((100000, 3))
        file["many_words"] = [f"word {number}" for number in range(40000)]
        file["big_compound"] = numpy.zeros(20000, pair)
        file["big_compound"]["a"] = numpy.arange(20000)
        file["links/soft"] = h5py.SoftLink("/numbers/i4")
        file["links/beside"] = h5py.SoftLink("soft")
        file["links/dangling"] = h5py.SoftLink("/nowhere")
        for number in range(30):
            file[f"thirty/member{number:02}/x"] = number
        group = file
        for number in range(9):
            group = group.create_group(f"level{number}")
            group.attrs["level"] = number
        group["bottom"] = [1, 2, 3]
        file.create_group("stra\u00dfe")["x"] = 1


def ten_thousand(name):
    """A group of many links, some of them groups."""
    with h5py.File(name, "w") as file:
        group = file.create_group("group")
        for number in range(10000):
            if number % 1000 == 0:
                group.create_group(f"member{number:05}")
            else:
                group[f"member{number:05}"] = number


def snapshot(name):
    """As large as an EAGLE snapshot in its structure: 13 groups, 60 datasets, 368 attributes."""
    with h5py.File(name, "w") as file:
        def group(path, attributes):
            for number in range(attributes):
                file.require_group(path).attrs[f"attribute{number:02}"] = number * 1.5

        for path, attributes in [("Config", 4), ("Constants", 20), ("HashTable", 1), ("Header", 28),
                                 ("Parameters", 2), ("Parameters/ChemicalElements", 20), ("PartType0", 0),
                                 ("PartType0/ElementAbundance", 0), ("PartType0/SmoothedElementAbundance", 0),
                                 ("PartType1", 0), ("RuntimePars", 46), ("Units", 7)]:
            file.require_group(path)
            group(path, attributes)
        paths = [f"PartType0/Data{number:02}" for number in range(26)]
        paths += [f"PartType0/ElementAbundance/Element{number}" for number in range(9)]
        paths += [f"PartType0/SmoothedElementAbundance/Element{number}" for number in range(9)]
        paths += [f"PartType1/Data{number}" for number in range(4)]
        paths += [f"HashTable/Table{number:02}" for number in range(12)]
        for path in paths:
            data = file.create_dataset(path, (100000, 3), "f4")
            data.attrs["factor"], data.attrs["exponent"], data.attrs["text"], data.attrs["cgs"] = 1.0, 2.0, b"x", 3.0
        counts = {h5py.Group: 1, h5py.Dataset: 0, "attributes": len(file.attrs)}

        def count(path, item):
            counts[type(item)] += 1
            counts["attributes"] += len(item.attrs)

        file.visititems(count)
        assert counts == {h5py.Group: 13, h5py.Dataset: 60, "attributes": 368}, counts


def numbers(name):
    """What h5py, PyTables and netCDF4 all read."""
    random = numpy.random.default_rng(2)
    with h5py.File(name, "w") as file:
        for kind in NUMBERS:
            file[f"group/{kind}"] = random.integers(0, 100, (300, 200)).astype(kind)
            file[f"group/{kind}"].attrs["unit"] = numpy.bytes_("m")


def selectable(name):
    """Datasets of several ranks and types to select from, all larger than what comes along unasked."""
    random = numpy.random.default_rng(3)
    with h5py.File(name, "w") as file:
        file["line"] = random.random(200000)
        file["table"] = random.integers(0, 1 << 30, (30000, 4), dtype="i4")
        file["cube"] = random.random((80, 60, 50)).astype("f4")
        file["four"] = random.integers(0, 1 << 14, (20, 30, 25, 12), dtype="i2")
        file["swapped"] = random.random((40000, 2)).astype(">f8")
        file["words"] = numpy.array([b"%d" % number for number in range(50000)], "S12")


def texts(name, block=0):
    """Texts of variable length, stored in all ways, larger than what comes along unasked."""
    random = numpy.random.default_rng(4)
    long = ["x" * 5000, "y" * 100_000, "z" * (17 << 20)]
    words = numpy.array([f"word {number}" * (number % 5 + 1) for number in range(997)], object)
    words[7], words[11] = "schön", b"no \xff text"
    pick = lambda *shape: words[random.integers(0, len(words), shape)]
    text = h5py.string_dtype()
    with h5py.File(name, "w", userblock_size=block) as file:
        file.create_dataset("contiguous", data=pick(60_000), dtype=text)
        file.create_dataset("chunks", data=pick(300, 200), dtype=text, chunks=(70, 90))
        file.create_dataset("compressed", data=pick(60, 50, 20), dtype=text, chunks=(9, 50, 7), compression="gzip")
        file.create_dataset("wide", data=pick(2, 40_000), dtype=text)
        sparse = file.create_dataset("sparse", (50_000,), dtype=text, chunks=(1000,))
        sparse[3000:4500] = pick(1500)
        changed = file.create_dataset("changed", data=pick(40_000), dtype=text)
        changed[5000:30_000:3] = pick(25_000 // 3 + 1)
        some = pick(33_000)
        some[100], some[200], some[32_000] = long
        file.create_dataset("long", data=some, dtype=text)
        some = pick(33_000)
        some[::100] = ""
        file.create_dataset("empty", data=some, dtype=text)
        file.create_dataset("unwritten", (40_000,), dtype=text)


def texts_behind_a_block(name):
    """The same in a file that begins later."""
    texts(name, block=1024)


def large(name):
    """A dataset of 200 MiB of which the disk holds nothing."""
    with h5py.File(name, "w") as file:
        file.create_dataset("large", (25 << 20,), "f8")


def dimensions(name):
    """References, which the protocol has no words for, beside what it has."""
    with h5py.File(name, "w") as file:
        file["x"] = [1, 2, 3]
        file["x"].make_scale("x")
        file["y"] = [4.0, 5.0, 6.0]
        file["y"].dims[0].attach_scale(file["x"])
        file["y"].attrs["unit"] = "m"
        file["flags"] = numpy.array([True, False])
        file["opaque"] = numpy.array([b"ab"], "V2")
        file["committed"] = numpy.dtype("f8")
