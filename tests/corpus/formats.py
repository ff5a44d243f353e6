"""The same tour of features, written by HDF5 1.14 and 2.2 in their earliest and latest formats."""

import numpy as np

import raw
from registry import corpus_file

V18, V110, V114, V200 = 1, 2, 4, 5


def tour(lib, path, low, high):
    """Write a bit of everything with library `lib` within format bounds `low` to `high`."""
    fapl = lib.plist("FILE_ACCESS")
    lib.H5Pset_libver_bounds(fapl, low, high)
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, fapl)
    integer, double = lib.id("H5T_STD_I32LE"), lib.id("H5T_IEEE_F64BE")
    native = lib.id("H5T_NATIVE_DOUBLE")
    text = lib.string(raw.VARIABLE, cset=1)

    for name, maxshape, alloc, deflate in (
        ("single", None, None, 0), ("implicit", None, raw.ALLOC_EARLY, 0), ("fixed", None, None, 4),
        ("extensible", (raw.UNLIMITED, 40), None, 4), ("btree", (raw.UNLIMITED,) * 2, None, 0),
    ):
        dcpl = lib.plist("DATASET_CREATE")
        lib.H5Pset_chunk(dcpl, 2, [60, 40] if name == "single" else [7, 16])
        if alloc is not None:
            lib.H5Pset_alloc_time(dcpl, alloc)
        if deflate:
            lib.H5Pset_shuffle(dcpl)
            lib.H5Pset_deflate(dcpl, deflate)
        data = np.arange(2400, dtype="f8").reshape(60, 40)
        made = lib.dataset(file, f"chunked_{name}", double, data, maxshape=maxshape, dcpl=dcpl,
                           memory=native)
        lib.attribute(made, "index", integer, np.arange(3, dtype="i4"))
        lib.H5Dclose(made)

    compact = lib.plist("DATASET_CREATE")
    lib.H5Pset_layout(compact, raw.COMPACT)
    lib.H5Dclose(lib.dataset(file, "compact", integer, np.arange(50, dtype="i4"), dcpl=compact))
    lib.H5Dclose(lib.dataset(file, "contiguous", integer, np.arange(5000, dtype="i4")))
    lib.H5Dclose(lib.dataset(file, "null", integer, None, shape=None))
    words = raw.strings(b"one", "zwölf".encode(), b"", b"x" * 300)
    lib.H5Dclose(lib.dataset(file, "words", text, words))

    record = lib.H5Tcreate(raw.COMPOUND, 16)
    lib.H5Tinsert(record, "id", 0, integer)
    lib.H5Tinsert(record, "flag", 4, lib.id("H5T_STD_U16BE"))
    lib.H5Tinsert(record, "value", 8, lib.id("H5T_IEEE_F64LE"))
    lib.H5Tcommit2(file, "record", record, 0, 0, 0)
    lib.attribute(record, "about", text, words[1:2], shape=())
    rows = np.frombuffer(bytes(range(160)), dtype=np.uint8).copy()
    lib.H5Dclose(lib.dataset(file, "rows", record, rows, shape=(10,)))

    groups = lib.H5Gcreate2(file, "groups", 0, 0, 0)
    for i in range(40):
        made = lib.H5Gcreate2(groups, f"g{i:02d}", 0, 0, 0)
        lib.attribute(made, "i", integer, np.array([i], dtype="i4"), shape=())
        lib.H5Gclose(made)
    for i in range(30):
        lib.attribute(groups, f"attribute {i}", double, np.arange(i % 5 + 1, dtype=">f8"))
    lib.H5Lcreate_soft("/compact", groups, "soft", 0, 0)
    lib.H5Lcreate_external("spaces.h5", "/i4/unlimited", groups, "external", 0, 0)
    lib.H5Lcreate_hard(file, "contiguous", groups, "hard", 0, 0)
    lib.H5Gclose(groups)

    references = np.zeros(2, dtype="u8")
    lib.H5Rcreate(references[:1], file, "rows", 0, -1)
    lib.H5Dclose(lib.dataset(file, "references", lib.id("H5T_STD_REF_OBJ"), references))
    lib.H5Fclose(file)


for version, library, bounds in (
    ("1.14", raw.hdf5_114, {"earliest": (0, V18), "v110": (V110, V110), "latest": (V114, V114)}),
    ("2.2", raw.hdf5_22, {"earliest": (0, V18), "v114": (V114, V114), "latest": (V200, V200)}),
):
    for label, (low, high) in bounds.items():
        newer = "; 1.14 cannot open its datasets" if low > V114 else ""
        corpus_file(f"format_{version}_{label}.h5", f"written by HDF5 {version}, {label} format{newer}")(
            lambda path, library=library, low=low, high=high: tour(library(), path, low, high))


@corpus_file("format_2.2_types.h5", "8-bit and smaller floats and complex numbers of HDF5 2.2")
def new_types(path):
    lib = raw.hdf5_22()
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, 0)
    native = lib.id("H5T_NATIVE_DOUBLE")
    data = np.array([0, 1, -1.5, 0.25, 3, -4, 0.1])
    for name in ("FLOAT_F8E4M3", "FLOAT_F8E5M2", "FLOAT_F6E2M3", "FLOAT_F6E3M2", "FLOAT_F4E2M1",
                 "FLOAT_BFLOAT16LE", "FLOAT_BFLOAT16BE", "IEEE_F16LE", "IEEE_F16BE"):
        lib.H5Dclose(lib.dataset(file, name, lib.id(f"H5T_{name}"), data, memory=native))
    pairs = np.array([1 + 2j, -0.5j, 3])
    memory = lib.id("H5T_NATIVE_DOUBLE_COMPLEX")
    for name in ("F16LE", "F32BE", "F64LE"):
        kind = lib.id(f"H5T_COMPLEX_IEEE_{name}")
        made = lib.dataset(file, f"COMPLEX_{name}", kind, pairs, memory=memory)
        lib.attribute(made, "z", kind, None, shape=(2,))
        lib.H5Dclose(made)
    kind = lib.H5Tcomplex_create(lib.id("H5T_FLOAT_BFLOAT16LE"))
    lib.H5Dclose(lib.dataset(file, "COMPLEX_BFLOAT16LE", kind, pairs, memory=memory))
    lib.H5Fclose(file)
