"""Strings, opaque data and references: values that are more than numbers."""

import h5py
import numpy as np
from h5py import h5d, h5r, h5s, h5t

import raw
from registry import corpus_file

TEXTS = ["", "a", "blank at end ", "naïve façade", "日本語", "x" * 24, "tab\tnewline\n", "emoji 🦀"]


@corpus_file("strings_fixed.h5", "fixed strings: three paddings, two character sets, many lengths")
def strings_fixed(path):
    paddings = {"term": h5t.STR_NULLTERM, "null": h5t.STR_NULLPAD, "space": h5t.STR_SPACEPAD}
    with h5py.File(path, "w") as file:
        for padding, code in paddings.items():
            for cset, charset in (("ascii", h5t.CSET_ASCII), ("utf8", h5t.CSET_UTF8)):
                for length in (1, 5, 24, 300):
                    kind = h5t.C_S1.copy()
                    kind.set_size(length)
                    kind.set_strpad(code)
                    kind.set_cset(charset)
                    fill = b" " if padding == "space" else b"\0"
                    cells = [text.encode()[: length - (padding == "term")] for text in TEXTS]
                    buffer = b"".join(cell.ljust(length, fill) for cell in cells)
                    name = f"{padding}_{cset}_{length}"
                    space = h5s.create_simple((len(TEXTS),))
                    made = h5d.create(file.id, name.encode(), kind, space)
                    made.write(h5s.ALL, h5s.ALL, np.frombuffer(buffer, f"V{length}"), mtype=kind)
        file["fortran"] = np.array([b"one", b"two"], dtype="S3")
        file.attrs.create("fixed", b"attribute", dtype="S20")


@corpus_file("strings_variable.h5", "variable-length strings, ASCII and UTF-8, empty, long, unwritten")
def strings_variable(path):
    with h5py.File(path, "w") as file:
        for cset in ("ascii", "utf-8"):
            dtype = h5py.string_dtype(cset)
            values = [text.encode("ascii", "replace").decode() if cset == "ascii" else text
                      for text in TEXTS]
            file.create_dataset(f"{cset}/vector", data=values, dtype=dtype)
            file.create_dataset(f"{cset}/scalar", data=values[3], dtype=dtype)
            file.create_dataset(f"{cset}/grid", data=np.array(values, object).reshape(2, 4), dtype=dtype)
            file.create_dataset(f"{cset}/unwritten", shape=(5,), dtype=dtype)
            file.create_dataset(f"{cset}/chunked", data=[f"line {i}" * (i % 9) for i in range(500)],
                                dtype=dtype, chunks=(64,), compression="gzip")
            file.create_dataset(f"{cset}/fill", shape=(3,), dtype=dtype, fillvalue="nothing")
            file[cset].attrs.create("words", values, dtype=dtype)
        file.create_dataset("long", data=["é" * 100_000, "short"], dtype=h5py.string_dtype())
        file.create_dataset("empty", data=h5py.Empty(h5py.string_dtype()))


@corpus_file("opaque.h5", "opaque types with and without tags, NumPy date and time")
def opaque(path):
    with h5py.File(path, "w") as file:
        for size, tag in ((1, b""), (7, b"seven bytes"), (16, b"uuid"), (100, b"t" * 200)):
            kind = h5t.create(h5t.OPAQUE, size)
            kind.set_tag(tag)
            made = h5d.create(file.id, f"size{size}".encode(), kind, h5s.create_simple((4,)))
            data = np.frombuffer(bytes(i % 251 for i in range(4 * size)), f"V{size}")
            made.write(h5s.ALL, h5s.ALL, data, mtype=kind)
        days = np.array(["2020-02-29", "1969-07-20", "NaT"], "M8[D]")
        file.create_dataset("days", data=days.astype(h5py.opaque_dtype(days.dtype)))
        spans = np.array([1, -5, 10**12], "m8[ns]")
        file.create_dataset("spans", data=spans.astype(h5py.opaque_dtype(spans.dtype)))


@corpus_file("references_old.h5", "object and region references of the 1.x kind, null ones too")
def references_old(path):
    with h5py.File(path, "w") as file:
        cube = file.create_dataset("data/cube", data=np.arange(1000).reshape(10, 10, 10))
        group = file.create_group("group/inner")
        file["committed"] = np.dtype("i4,f8")
        objects = [cube.ref, group.ref, file.ref, file["committed"].ref, h5py.Reference()]
        made = file.create_dataset("objects", (6,), dtype=h5py.ref_dtype)
        made[:5] = objects
        regions = file.create_dataset("regions", (7,), dtype=h5py.regionref_dtype)
        regions[0] = cube.regionref[2:5, ::3, 4]
        regions[1] = cube.regionref[...]
        regions[2] = cube.regionref[[1, 4, 9], 0, :]
        points = h5s.create_simple((10, 10, 10))
        points.select_elements(np.array([[0, 0, 0], [9, 9, 9], [3, 1, 4]], dtype="u8"))
        regions[3] = h5r.create(file.id, b"data/cube", h5r.DATASET_REGION, points)
        union = h5s.create_simple((10, 10, 10))
        union.select_hyperslab((0, 0, 0), (2, 2, 2))
        union.select_hyperslab((5, 5, 5), (2, 3, 4), op=h5s.SELECT_OR)
        regions[4] = h5r.create(file.id, b"data/cube", h5r.DATASET_REGION, union)
        union.select_none()
        regions[5] = h5r.create(file.id, b"data/cube", h5r.DATASET_REGION, union)
        compound = np.dtype([("name", "S8"), ("to", h5py.ref_dtype)])
        table = file.create_dataset("in_compound", (2,), dtype=compound)
        table[0] = (b"cube", cube.ref)
        file.attrs["object"] = cube.ref
        file.attrs["region"] = cube.regionref[0, 0, :]
        file.attrs.create("list", [group.ref, cube.ref], dtype=h5py.ref_dtype)


@corpus_file("references_new.h5", "H5R_ref_t: to objects, regions and attributes, other files too")
def references_new(path):
    lib = raw.hdf5_114()
    fapl = lib.plist("FILE_ACCESS")
    lib.H5Pset_libver_bounds(fapl, 1, 4)
    other = lib.H5Fcreate("references_target.h5", raw.ACC_TRUNC, 0, fapl)
    integer = lib.id("H5T_STD_I32LE")
    lib.H5Dclose(lib.dataset(other, "elsewhere", integer, np.arange(12, dtype="i4")))
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, fapl)
    made = lib.dataset(file, "data", integer, np.arange(100, dtype="i4").reshape(10, 10))
    lib.attribute(made, "note", integer, np.array([4, 5], dtype="i4"))
    lib.H5Dclose(made)
    lib.H5Gclose(lib.H5Gcreate2(file, "group", 0, 0, 0))

    references = np.zeros((6, 64), dtype=np.uint8)
    lib.H5Rcreate_object(file, "data", 0, references[0])
    lib.H5Rcreate_object(file, "group", 0, references[1])
    space = lib.space((10, 10))
    lib.H5Sselect_hyperslab(space, 0, [1, 2], [3, 2], [3, 4], None)
    lib.H5Rcreate_region(file, "data", space, 0, references[2])
    lib.H5Sselect_elements(space, 0, 3, [0, 0, 9, 9, 5, 1])
    lib.H5Rcreate_region(file, "data", space, 0, references[3])
    lib.H5Rcreate_attr(file, "data", "note", 0, references[4])
    lib.H5Rcreate_object(other, "elsewhere", 0, references[5])
    kind = lib.id("H5T_STD_REF")
    lib.H5Dclose(lib.dataset(file, "references", kind, references, shape=(6,)))
    lib.attribute(file, "reference", kind, references, shape=(6,))
    nothing = np.zeros((2, 64), dtype=np.uint8)
    lib.H5Dclose(lib.dataset(file, "null", kind, nothing, shape=(2,)))
    for reference in references:
        lib.H5Rdestroy(reference)
    lib.H5Fclose(file)
    lib.H5Fclose(other)
