"""Writes types.h5: all types, spaces and links that protocol v1 has to do with."""
import h5py
import numpy as np

NUMBERS = [a + b for a in "<>" for b in "i1 u1 i2 u2 i4 u4 i8 u8 f2 f4 f8".split()]


def both(group, name, data, dtype=None):
    """As a dataset and as an attribute."""
    group.create_dataset(name, data=data, dtype=dtype)
    group.attrs.create(name, data=data, dtype=dtype)


def readable(group):
    """What the Python client reads."""
    for code in NUMBERS:
        both(group, code, np.arange(6).reshape(2, 3), code)
    both(group, "longdouble", np.arange(3, dtype=np.longdouble) / 3)
    both(group, "bool", np.array([True, False, True]))
    both(group, "enum", np.array([0, 5, 5]), h5py.enum_dtype({"a": 0, "b": 5}, basetype=">i2"))
    both(group, "fixed", np.array([b"ab", b"c", b""], dtype="S4"))
    both(group, "scalar", 3.5)
    both(group, "scalar text", "hello")
    both(group, "empty", np.zeros((0, 3)))
    both(group, "variable text", np.array(["a", "b\u00fcc", ""], dtype=object), h5py.string_dtype())
    both(group, "ascii text", np.array(["a", "bc", ""], dtype=object), h5py.string_dtype("ascii"))
    lists = np.array([np.arange(3, dtype="i4"), np.arange(0, dtype="i4")], dtype=object)
    both(group, "sequences", lists, h5py.vlen_dtype("i4"))
    both(group, "null", h5py.Empty("f4"))
    group.attrs["null text"] = h5py.Empty(h5py.string_dtype())
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(5)
    kind.set_strpad(h5py.h5t.STR_SPACEPAD)
    padded = h5py.h5d.create(group.id, b"padded", kind, h5py.h5s.create_simple((2,)))
    padded.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"ab   ", b"cdefg"]), kind)
    group.create_dataset("unwritten", (10,), "f8", fillvalue=7)
    group.create_dataset("unwritten text", (3,), h5py.string_dtype())
    group.create_dataset("text", data=[f"line {i}" for i in range(5000)], dtype=h5py.string_dtype())
    wide = group.create_dataset("wide", (3, 600_000), "f8", chunks=(1, 600_000), compression="gzip")
    wide[1] = np.arange(600_000)
    block = np.arange(1_500_000, dtype="i4").reshape(500, 1000, 3)
    group.create_dataset("chunked", data=block, chunks=(30, 70, 3), compression="gzip", shuffle=True)
    repetitive = block // 7
    group.create_dataset("lzf", data=repetitive, chunks=(30, 70, 3), compression="lzf", shuffle=True)
    group.create_dataset("contiguous", data=block)
    group.create_dataset("other order", data=block, dtype=">i8")
    group["soft"] = h5py.SoftLink("/readable/<i4")


def compounds(group):
    """What it reads as attributes only."""
    flat = np.array([(1, 2.5, b"xy"), (3, 4.5, b"z")], dtype=[("a", ">i4"), ("b", "<f8"), ("c", "S3")])
    both(group, "flat", flat)
    nested = [("in", [("x", "<i2"), ("y", ">f4")]), ("array", "<i4", (3,))]
    both(group, "nested", np.array([((1, 2.0), [1, 2, 3])], dtype=nested))
    array = np.dtype(("<f8", (2, 3)))
    group.create_dataset("array", (4,), dtype=array)[...] = np.arange(24.0).reshape(4, 2, 3)
    group.attrs.create("array", np.arange(24.0).reshape(4, 2, 3), dtype=array)


def unreadable(file, group):
    """What the protocol has no form for, among things that it has."""
    group["good"] = np.arange(3)
    group.attrs["good"] = 1
    both(group, "opaque", np.array([b"abc"], dtype="V3"))
    both(group, "reference", np.array([file.ref], dtype=h5py.ref_dtype))
    group["variable field"] = np.array([(1, "a")], dtype=[("i", "i4"), ("s", h5py.string_dtype())])
    group["committed"] = np.dtype("f4")
    group["dangling"] = h5py.SoftLink("/nowhere")
    group["external"] = h5py.ExternalLink("secret/other.h5", "/x")
    group["itself"] = group
    raw = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    raw.set_external(b"secret/raw", 0, 24)
    space = h5py.h5s.create_simple((3,))
    h5py.h5d.create(group.id, b"raw file", h5py.h5t.NATIVE_INT64, space, raw)
    layout = h5py.VirtualLayout((3,), "i8")
    layout[:] = h5py.VirtualSource("secret/other.h5", "x", (3,))
    group.create_virtual_dataset("virtual", layout, fillvalue=-1)


def main():
    with h5py.File("types.h5", "w") as file:
        readable(file.create_group("readable"))
        compounds(file.create_group("compounds"))
        unreadable(file, file.create_group("unreadable"))
        many = file.create_group("many")
        for number in range(10_000):
            many.create_group(f"g{number}") if number < 50 else many.__setitem__(f"s{number}", h5py.SoftLink("/x"))
        for count in (20, 21):
            below = file.create_group(f"below {count}/at")
            for number in range(count):
                below[f"d{number}"] = number
        deep = file
        for number in range(8):
            deep = deep.create_group("d")
            deep["v"] = number
    import os

    os.mkdir("secret")
    with h5py.File("secret/other.h5", "w") as file:
        file["x"] = np.arange(3)
    with open("secret/raw", "wb") as file:
        file.write(b"\1" * 24)


if __name__ == "__main__":
    main()
