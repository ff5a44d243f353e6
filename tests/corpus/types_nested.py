"""Types made of types: compound, array, variable length, committed."""

import h5py
import numpy as np
from h5py import h5d, h5s, h5t

import raw
from registry import corpus_file


def particles(count):
    point = np.dtype([("x", "<f4"), ("y", ">f4"), ("z", "<f8")])
    dtype = np.dtype([("id", ">u8"), ("where", point), ("tag", "S5"), ("history", "<i2", (2, 3)),
                      ("alive", "?"), ("trail", point, (2,))])
    made = np.zeros(count, dtype)
    number = np.arange(count)
    made["id"] = number * 1_000_003
    for axis in "xyz":
        made["where"][axis] = number * 0.25 + ord(axis)
    made["tag"] = [b"t%d" % (i % 77) for i in number]
    made["history"] = number[:, None, None] + np.arange(6).reshape(2, 3)
    made["alive"] = number % 3 == 0
    made["trail"]["y"] = number[:, None] - [0.5, 1.5]
    return made


@corpus_file("compound.h5", "compounds nested, padded, of every member class; big and empty ones")
def compound(path):
    with h5py.File(path, "w") as file:
        file["particles"] = particles(50)
        file["scalar"] = particles(1)[0]
        file.create_dataset("chunked", data=particles(1000).reshape(20, 50), chunks=(7, 16),
                            compression="gzip", shuffle=True)
        aligned = np.dtype({"names": ["a", "b", "c"], "formats": ["i1", "<f8", "<i2"],
                            "offsets": [3, 8, 30], "itemsize": 40})
        padded = np.zeros(4, aligned)
        padded["b"] = np.arange(4) / 3
        file["padded"] = padded
        many = np.dtype([(f"member {i}", "<i2") for i in range(300)])
        file["many_members"] = np.arange(600, dtype="<i2").view(many)
        file["unicode_members"] = np.array([(1, 2.5)], dtype=[("größe", "i4"), ("日付", "f8")])
        file.attrs["compound"] = particles(3)


@corpus_file("compound_variable.h5", "compounds with strings, sequences, references and enums inside")
def compound_variable(path):
    level = h5py.enum_dtype({"low": 0, "high": 9}, basetype="u1")
    inner = np.dtype([("label", h5py.string_dtype()), ("numbers", h5py.vlen_dtype(np.int32))])
    dtype = np.dtype([("key", "<i4"), ("text", h5py.string_dtype("ascii")), ("level", level),
                      ("inner", inner), ("to", h5py.ref_dtype), ("blob", h5py.opaque_dtype("V3"))])
    with h5py.File(path, "w") as file:
        for name, chunks in (("contiguous", None), ("chunked", (5,))):
            rows = np.zeros(20, dtype)
            for i in range(20):
                rows[i]["key"] = i
                rows[i]["text"] = "abc" * i
                rows[i]["level"] = 9 * (i % 2)
                rows[i]["inner"]["label"] = "ä" * (i % 4)
                rows[i]["inner"]["numbers"] = np.arange(i, dtype=np.int32)
                rows[i]["to"] = file.ref
                rows[i]["blob"] = np.void(bytes([i, 1, 2]))
            file.create_dataset(name, data=rows, chunks=chunks)
        file.attrs.create("row", rows[3], dtype=dtype)


@corpus_file("arrays.h5", "array types: nested, of compounds, of strings")
def arrays(path):
    with h5py.File(path, "w") as file:
        plain = h5t.array_create(h5t.STD_I16BE, (3, 2))
        made = h5d.create(file.id, b"plain", plain, h5s.create_simple((4,)))
        made.write(h5s.ALL, h5s.ALL, np.arange(24, dtype=">i2").reshape(4, 3, 2), mtype=plain)
        nested = h5t.array_create(h5t.array_create(h5t.IEEE_F32LE, (2,)), (3,))
        made = h5d.create(file.id, b"nested", nested, h5s.create_simple((2,)))
        made.write(h5s.ALL, h5s.ALL, np.arange(12, dtype="<f4").view("V24"), mtype=nested)
        pair = np.dtype([("a", "<i4"), ("b", "S3")])
        file["of_compounds"] = np.zeros(3, dtype=[("pairs", pair, (2, 2))])
        words = np.zeros(2, dtype=[("words", h5py.string_dtype(), (3,))])
        for i in range(2):
            words[i]["words"][:] = ["x" * i, "ß", "last"]
        file["of_strings"] = words
        file.attrs["array"] = np.ones(2, dtype=[("matrix", "<f8", (4, 4))])


@corpus_file("sequences.h5", "variable-length sequences, nested, of compounds, empty, long")
def sequences(path):
    with h5py.File(path, "w") as file:
        for base in ("<i1", ">i4", "<f8", "<u2"):
            name = base.replace("<", "le_").replace(">", "be_")
            made = file.create_dataset(name, (30,), dtype=h5py.vlen_dtype(np.dtype(base)))
            for i in range(0, 30, 1 + i_step(base)):
                made[i] = np.arange(i * i % 17, dtype=base)
        grid = file.create_dataset("grid", (4, 4), dtype=h5py.vlen_dtype("i4"), chunks=(3, 3),
                                   maxshape=(None, 4))
        for i in range(4):
            for j in range(i):
                grid[i, j] = np.arange(i + j)
        long = file.create_dataset("long", (2,), dtype=h5py.vlen_dtype("f4"))
        long[1] = np.linspace(0, 1, 100_000, dtype="f4")
        file.create_dataset("unwritten", (3,), dtype=h5py.vlen_dtype("i8"))
        attribute = np.empty(2, dtype=object)
        attribute[:] = [np.arange(3), np.arange(0)]
        file.attrs.create("ragged", attribute, dtype=h5py.vlen_dtype("i8"))


def i_step(base):
    """Leave some elements unwritten in the datasets of unsigned integers."""
    return 1 if "u" in base else 0


@corpus_file("sequences_nested.h5", "sequences of sequences, of strings and of compounds")
def sequences_nested(path):
    import ctypes

    class Sequence(ctypes.Structure):
        _fields_ = [("length", ctypes.c_size_t), ("pointer", ctypes.c_void_p)]

    lib = raw.hdf5_114()
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, 0)
    integer = lib.id("H5T_STD_I32LE")
    rows = [[[1, 2, 3], [], [4]], [], [[5] * 40]]
    keep, outer = [], (Sequence * len(rows))()
    for i, row in enumerate(rows):
        inner = (Sequence * max(len(row), 1))()
        for j, values in enumerate(row):
            numbers = np.array(values, dtype="i4")
            keep.append(numbers)
            inner[j] = Sequence(len(values), numbers.ctypes.data)
        keep.append(inner)
        outer[i] = Sequence(len(row), ctypes.addressof(inner))
    kind = lib.H5Tvlen_create(lib.H5Tvlen_create(integer))
    buffer = np.frombuffer(outer, dtype="u8")
    lib.H5Dclose(lib.dataset(file, "of_sequences", kind, buffer, shape=(3,)))

    words = raw.strings(b"one", b"", "drei ß".encode())
    one = (Sequence * 2)(Sequence(3, words.ctypes.data), Sequence(0, None))
    kind = lib.H5Tvlen_create(lib.string(raw.VARIABLE, cset=1))
    lib.H5Dclose(lib.dataset(file, "of_strings", kind, np.frombuffer(one, dtype="u8"), shape=(2,)))

    pair = lib.H5Tcreate(raw.COMPOUND, 12)
    lib.H5Tinsert(pair, "n", 0, integer)
    lib.H5Tinsert(pair, "x", 4, lib.id("H5T_IEEE_F64LE"))
    pairs = np.array([(1, 0.5), (2, -1.0)], dtype="<i4,<f8")
    one = (Sequence * 1)(Sequence(2, pairs.ctypes.data))
    kind = lib.H5Tvlen_create(pair)
    lib.H5Dclose(lib.dataset(file, "of_pairs", kind, np.frombuffer(one, dtype="u8"), shape=(1,)))
    lib.H5Fclose(file)


@corpus_file("committed.h5", "named types: shared by datasets and attributes, with attributes, aliased")
def committed(path):
    with h5py.File(path, "w") as file:
        file["types/number"] = np.dtype("<f8")
        file["types/record"] = np.dtype([("a", "<i4"), ("text", h5py.string_dtype())])
        file["types/bool"] = np.dtype("?")
        file["types/colour"] = h5py.enum_dtype({"red": 1, "blue": 2}, basetype="i2")
        file["alias"] = file["types/record"]
        number = file["types/number"]
        number.attrs["unit"] = "m/s"
        number.attrs["history"] = np.arange(20)
        file.create_dataset("first", data=np.linspace(0, 1, 10), dtype=number)
        file.create_dataset("second", (4, 4), dtype=number)
        records = file.create_dataset("records", (3,), dtype=file["types/record"])
        records[1] = (7, "seven")
        file.attrs.create("typed", 2.5, dtype=number)
        file.create_dataset("colours", data=[1, 2, 1], dtype=file["types/colour"])
