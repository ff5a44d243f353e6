"""What there is to say about one object: its header, attributes, type, layout and data."""

import hashlib

import h5py
import numpy as np
from h5py import h5a, h5d, h5ds, h5o, h5s, h5t

from walk_selections import selections

FULL_READ = 64 << 20
SELECTED = 20


def object_info(report, target):
    info = h5o.get_info(target.id)
    report.line("info", f"type {info.type} address {info.addr} references {info.rc} "
                        f"times {info.atime},{info.mtime},{info.ctime},{info.btime} "
                        f"attributes {info.num_attrs}")
    header = info.hdr
    report.line("header", f"version {header.version} messages {header.nmesgs} chunks {header.nchunks} "
                          f"flags {header.flags} space {header.space.total},{header.space.meta},"
                          f"{header.space.mesg},{header.space.free} "
                          f"present {header.mesg.present:x} shared {header.mesg.shared:x}")
    sizes = info.meta_size
    report.line("index", f"object {sizes.obj.index_size},{sizes.obj.heap_size} "
                         f"attributes {sizes.attr.index_size},{sizes.attr.heap_size}")


def type_of(report, kind):
    """A low-level type: class, size, and its encoding, which says all the rest."""
    report.attempt("type class", lambda: f"{kind.get_class()} size {kind.get_size()}")
    report.attempt("type committed", lambda: kind.committed())
    report.attempt("type encoded", lambda: hashlib.sha256(kind.encode()).hexdigest()[:16])
    report.attempt("dtype", lambda: repr(kind.dtype))


def attributes(report, target):
    names = report.attempt("attribute names", lambda: list(target.attrs.keys()), quiet=True) or []
    for name in names:
        with report.below(f"@{name!r}"):
            report.attempt("value", lambda: target.attrs[name])
            report.attempt("low", lambda: attribute(target, name))
    if not names:
        return
    report.attempt("attribute iteration", lambda: iterate_attributes(target, h5_index_name=True))
    report.attempt("attribute creation order", lambda: iterate_attributes(target, h5_index_name=False))
    for index in sorted({0, len(names) // 2, len(names) - 1}):
        report.attempt(f"attribute {index}", lambda: h5a.open(target.id, index=index).name)
    report.attempt("attribute absent", lambda: target.attrs["no such attribute"])
    report.attempt("attribute in", lambda: ("no such attribute" in target.attrs, names[0] in target.attrs))


def attribute(target, name):
    encoded = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    opened = h5a.open(target.id, encoded)
    info = h5a.get_info(target.id, encoded)
    space = opened.get_space()
    kind = opened.get_type()
    return (f"shape {opened.shape} space {space.get_simple_extent_type()} stored "
            f"{opened.get_storage_size()} class {kind.get_class()} size {kind.get_size()} encoded "
            f"{hashlib.sha256(kind.encode()).hexdigest()[:16]} order {info.corder_valid},{info.corder} "
            f"charset {info.cset} size {info.data_size}")


def iterate_attributes(target, h5_index_name):
    seen = []
    index = h5py.h5.INDEX_NAME if h5_index_name else h5py.h5.INDEX_CRT_ORDER

    def visit(name, info):
        seen.append((name, info.corder, info.data_size))

    h5a.iterate(target.id, visit, index_type=index, order=h5py.h5.ITER_DEC, info=True)
    return seen


def named_type(report, target):
    object_info(report, target)
    type_of(report, target.id)
    attributes(report, target)


def dataset(report, target, name):
    object_info(report, target)
    for label in ("shape", "maxshape", "size", "nbytes", "ndim", "chunks", "compression",
                  "compression_opts", "shuffle", "fletcher32", "scaleoffset", "fillvalue", "is_virtual",
                  "external", "is_scale"):
        report.attempt(label, lambda: getattr(target, label))
    type_of(report, target.id.get_type())
    creation(report, target)
    storage(report, target)
    attributes(report, target)
    if target.ndim:
        report.attempt("dimensions", lambda: dimensions(target))
    contents(report, target, name)


def creation(report, target):
    dcpl = target.id.get_create_plist()
    report.attempt("creation", lambda: (
        f"layout {dcpl.get_layout()} allocation {dcpl.get_alloc_time()} fill {dcpl.get_fill_time()},"
        f"{dcpl.fill_value_defined()} times {dcpl.get_obj_track_times()} "
        f"attributes {dcpl.get_attr_phase_change()},{dcpl.get_attr_creation_order()}"))
    for index in range(dcpl.get_nfilters()):
        report.attempt(f"filter {index}", lambda: dcpl.get_filter(index))
    if dcpl.get_layout() == h5d.VIRTUAL:
        report.attempt("sources", lambda: virtual_sources(dcpl))
    dapl = target.id.get_access_plist()
    report.attempt("access", lambda: f"cache {dapl.get_chunk_cache()}")


def virtual_sources(dcpl):
    found = []
    for index in range(dcpl.get_virtual_count()):
        found.append((dcpl.get_virtual_filename(index), dcpl.get_virtual_dsetname(index),
                      shape_of(dcpl.get_virtual_vspace(index)), shape_of(dcpl.get_virtual_srcspace(index))))
    return found


def shape_of(space):
    return space.shape, space.get_select_type(), space.get_select_npoints() % 2**64


def storage(report, target):
    made = target.id
    report.attempt("stored", lambda: f"{made.get_storage_size()} at {made.get_offset()} "
                                     f"status {made.get_space_status()}")
    if target.shape is None or made.get_create_plist().get_layout() != h5d.CHUNKED:
        return
    count = report.attempt("chunks stored", lambda: made.get_num_chunks())
    report.attempt("chunk list", lambda: chunk_list(made))
    for index in range(min(count or 0, 4)):
        info = report.attempt(f"chunk {index}", lambda: tuple(made.get_chunk_info(index)))
        if info:
            report.attempt("direct", lambda: direct_chunk(made, info[0]))
            report.attempt("by place", lambda: tuple(made.get_chunk_info_by_coord(info[0])))


def chunk_list(made):
    digest, count = hashlib.sha256(), 0

    def visit(info):
        nonlocal count
        digest.update(repr(tuple(info)).encode())
        count += 1

    made.chunk_iter(visit)
    return count, digest.hexdigest()[:16]


def direct_chunk(made, place):
    mask, stored = made.read_direct_chunk(place)
    return mask, len(stored), hashlib.sha256(stored).hexdigest()[:16]


def dimensions(target):
    return [(axis.label, [scale.name for scale in axis.values()],
             h5ds.get_num_scales(target.id, index)) for index, axis in enumerate(target.dims)]


def brief(report, target):
    """The main things about an object, when there are very many."""
    object_info(report, target)
    report.attempt("attributes", lambda: [(name, target.attrs[name]) for name in target.attrs])
    if isinstance(target, h5py.Dataset):
        report.attempt("shape", lambda: (target.shape, target.chunks, str(target.dtype)))
        report.attempt("data", lambda: target[()])


def contents(report, target, name):
    try:
        target.dtype
    except Exception:
        report.attempt("bytes", lambda: stored_bytes(target))
        return
    if target.size is not None and target.size * target.dtype.itemsize <= FULL_READ:
        report.attempt("data", lambda: target[()])
    for label, read in selections(target, name):
        report.attempt(label, read)
    if target.chunks and target.size and target.size <= 1 << 20:
        report.attempt("by chunks", lambda: by_chunks(target))


def stored_bytes(target):
    """The elements in the file's own type, where NumPy has none for it."""
    kind = target.id.get_type()
    if kind.get_class() in (h5t.VLEN, h5t.REFERENCE, h5t.COMPOUND, h5t.ARRAY):
        return "not read: may hold pointers"
    out = np.zeros(target.shape, dtype=f"V{kind.get_size()}")
    target.id.read(h5s.ALL, h5s.ALL, out, mtype=kind)
    return out


def by_chunks(target):
    parts = []
    for count, key in enumerate(target.iter_chunks()):
        if count == SELECTED:
            break
        parts.append(target[key])
    return parts
