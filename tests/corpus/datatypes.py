"""Numbers: integers and floats of every width, order and precision, bitfields, enums, complex."""

import itertools

import h5py
import numpy as np
from h5py import h5d, h5s, h5t

import raw
from registry import corpus_file

PATTERN = np.frombuffer(bytes((7 * i * i + 31 * i + 5) % 256 for i in range(4096)), dtype=np.uint8)


def write_bytes(group, name, kind, count=7):
    """Store a fixed byte pattern as `count` elements of the low-level type `kind`."""
    made = h5d.create(group.id, name.encode(), kind, h5s.create_simple((count,)))
    size = kind.get_size()
    made.write(h5s.ALL, h5s.ALL, PATTERN[: size * count].view(f"V{size}"), mtype=kind)


@corpus_file("integers.h5", "integers of 1 to 8 bytes, both orders, extreme values")
def integers(path):
    with h5py.File(path, "w") as file:
        bases = ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
        for order, base in itertools.product("<>", bases):
            info = np.iinfo(base)
            values = [info.min, info.min + 1, 0, 1, info.max // 3, info.max - 1, info.max]
            name = base + ("_le" if order == "<" else "_be")
            kind = h5t.py_create(np.dtype(base)).copy()
            kind.set_order(h5t.ORDER_LE if order == "<" else h5t.ORDER_BE)
            made = h5d.create(file.id, name.encode(), kind, h5s.create_simple((len(values),)))
            made.write(h5s.ALL, h5s.ALL, np.array(values, base))


@corpus_file("integers_odd.h5", "integers of odd sizes, precisions, offsets and paddings")
def integers_odd(path):
    with h5py.File(path, "w") as file:
        for size in (3, 5, 6, 7):
            for base in (h5t.STD_I32LE, h5t.STD_I32BE, h5t.STD_U32LE):
                kind = base.copy()
                kind.set_size(size)
                kind.set_precision(8 * size)
                write_bytes(file, f"size{size}_{base.get_order()}_{base.get_sign()}", kind)
        paddings = {"zero": h5t.PAD_ZERO, "one": h5t.PAD_ONE}
        placings = ((1, 5, 2), (2, 11, 2), (2, 9, 7), (4, 17, 7), (4, 31, 0), (8, 40, 13))
        for size, precision, offset in placings:
            for order, sign in itertools.product((h5t.ORDER_LE, h5t.ORDER_BE), (h5t.SGN_2, h5t.SGN_NONE)):
                for padding, code in paddings.items():
                    kind = h5t.STD_I64LE.copy()
                    kind.set_precision(precision)
                    kind.set_size(size)
                    kind.set_order(order)
                    kind.set_sign(sign)
                    kind.set_offset(offset)
                    kind.set_pad(code, code)
                    name = f"bits{precision}_at{offset}_in{size}_order{order}_sign{sign}_{padding}"
                    made = h5d.create(file.id, name.encode(), kind, h5s.create_simple((16,)))
                    made.write(h5s.ALL, h5s.ALL, np.arange(-8, 8, dtype="i8"))


@corpus_file("integers_wide.h5", "integers of 16 and 32 bytes, which no processor here has")
def integers_wide(path):
    with h5py.File(path, "w") as file:
        for size in (16, 32):
            for base in (h5t.STD_I64LE, h5t.STD_U64BE):
                kind = base.copy()
                kind.set_size(size)
                kind.set_precision(8 * size)
                write_bytes(file, f"size{size}_{base.get_sign()}", kind)


SPECIALS = [0.0, -0.0, 1.0, -1.5, 1e-3, 65504.0, 1e-7, np.inf, -np.inf, np.nan, 3.141592653589793]


@corpus_file("floats.h5", "half, single, double, long double, both orders, special values")
def floats(path):
    with h5py.File(path, "w") as file:
        with np.errstate(over="ignore"):
            for dtype in ("<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "longdouble"):
                name = np.dtype(dtype).str.replace("<", "le_").replace(">", "be_")
                file[name] = np.array(SPECIALS, dtype=dtype)
                tiny = np.finfo(dtype)
                file["limits_" + name] = np.array([tiny.max, tiny.min, tiny.tiny, tiny.eps], dtype)


@corpus_file("floats_odd.h5", "bfloat16, 24-bit, VAX order, IEEE quad, other normalisations")
def floats_odd(path):
    def layout(base, size, precision, fields, bias, order=None, norm=None):
        kind = base.copy()
        kind.set_fields(*fields)
        kind.set_ebias(bias)
        kind.set_precision(precision)
        kind.set_size(size)
        if order is not None:
            kind.set_order(order)
        if norm is not None:
            kind.set_norm(norm)
        return kind

    single, double = h5t.IEEE_F32LE, h5t.IEEE_F64LE
    kinds = {
        "bfloat16": layout(single, 2, 16, (15, 7, 8, 0, 7), 127),
        "bfloat16_be": layout(single, 2, 16, (15, 7, 8, 0, 7), 127, h5t.ORDER_BE),
        "float24": layout(single, 3, 24, (23, 16, 7, 0, 16), 63),
        "float20_in_4": layout(single, 4, 20, (19, 13, 6, 0, 13), 31),
        "e5m2": layout(single, 1, 8, (7, 2, 5, 0, 2), 15),
        "norm_none": layout(double, 8, 64, (63, 52, 11, 0, 52), 1023, norm=h5t.NORM_NONE),
        "norm_msb": layout(double, 8, 64, (63, 52, 11, 0, 52), 1023, norm=h5t.NORM_MSBSET),
        "vax_order": layout(single, 4, 32, (31, 23, 8, 0, 23), 129, h5t.ORDER_VAX),
        "quad": h5t.IEEE_F128LE,
    }
    with h5py.File(path, "w") as file:
        for name, kind in kinds.items():
            made = h5d.create(file.id, name.encode(), kind, h5s.create_simple((len(SPECIALS),)))
            made.write(h5s.ALL, h5s.ALL, np.array(SPECIALS))


# PyTables takes every bitfield for a boolean of one byte and writes beyond its array: it crashes now and then.
@corpus_file("bitfields.h5", "bitfields of all widths, with precision and offset; H5T_TIME", skip=("tables",))
def bitfields(path):
    with h5py.File(path, "w") as file:
        for width in (8, 16, 32, 64):
            for order in ("LE", "BE"):
                write_bytes(file, f"b{width}{order}", getattr(h5t, f"STD_B{width}{order}"))
        for name in ("UNIX_D32LE", "UNIX_D64BE"):
            write_bytes(file, name.lower(), getattr(h5t, name))


@corpus_file("bitfields_odd.h5", "bitfields that use a part of their bytes", skip=("tables",))
def bitfields_odd(path):
    lib = raw.hdf5_114()
    file = lib.H5Fcreate(path, raw.ACC_TRUNC, 0, 0)
    for base, precision, offset in (("B16LE", 9, 3), ("B32BE", 17, 15), ("B64LE", 63, 1)):
        kind = lib.H5Tcopy(lib.id(f"H5T_STD_{base}"))
        lib.H5Tset_precision(kind, precision)
        lib.H5Tset_offset(kind, offset)
        lib.H5Dclose(lib.dataset(file, f"{base}_{precision}_{offset}", kind, PATTERN, shape=(9,)))
    lib.H5Fclose(file)


@corpus_file("enums.h5", "enumerations over all integers, booleans, values without a name")
def enums(path):
    colours = {"red": 0, "green": 1, "blue": 42, "ultra violet": 100, "späte": 7}
    with h5py.File(path, "w") as file:
        for base in ("i1", "u1", "<i2", ">i2", "<u4", ">i8", "<u8"):
            dtype = h5py.enum_dtype(colours, basetype=base)
            name = base.replace("<", "le_").replace(">", "be_")
            file.create_dataset(name, data=np.array([0, 1, 42, 100, 7, 3], base), dtype=dtype)
        negative = h5py.enum_dtype({"below": -5, "zero": 0, "above": 5}, basetype="i4")
        file.create_dataset("negative", data=np.array([[-5, 0], [5, -5]]), dtype=negative)
        many = h5py.enum_dtype({f"member_{i:03d}": i * 3 for i in range(200)}, basetype="u2")
        file.create_dataset("many", data=np.arange(0, 600, 3, dtype="u2"), dtype=many)
        file["bool"] = np.array([True, False, True])
        file["bool_scalar"] = True
        file.attrs["flag"] = np.bool_(False)


@corpus_file("complex_compound.h5", "complex numbers as h5py and PyTables store them: compounds")
def complex_compound(path):
    with h5py.File(path, "w") as file:
        for dtype in ("<c8", ">c8", "<c16", ">c16", "clongdouble"):
            name = np.dtype(dtype).str.replace("<", "le_").replace(">", "be_")
            file[name] = np.array([[1 + 2j, -3.5j], [np.nan, complex(np.inf, -1)]], dtype=dtype)
        file.attrs["z"] = 1 - 1j


@corpus_file("complex_native.h5", "the complex class of HDF5 2.0 (1.14 cannot open these objects)")
def complex_native(path):
    with h5py.File(path, "w") as file:
        values = np.array([1 + 2j, -0.5j, complex(np.inf, np.nan)])
        for width in (16, 32, 64):
            for order in ("LE", "BE"):
                kind = getattr(h5t, f"COMPLEX_IEEE_F{width}{order}")
                name = f"f{width}{order.lower()}"
                made = h5d.create(file.id, name.encode(), kind, h5s.create_simple((3,)))
                made.write(h5s.ALL, h5s.ALL, values, mtype=h5t.NATIVE_DOUBLE_COMPLEX)
        kind = h5t.NATIVE_LDOUBLE_COMPLEX
        made = h5d.create(file.id, b"longdouble", kind, h5s.create_simple((3,)))
        made.write(h5s.ALL, h5s.ALL, values.astype("clongdouble"), mtype=kind)
        file["plain"] = np.arange(3)
