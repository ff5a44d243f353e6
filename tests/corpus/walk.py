#!/usr/bin/env python3
"""Touch everything in an HDF5 file with h5py and print it.

    walk.py FILE [NAME]

Two runs on the same file print the same text, whether FILE is local or a URL: its own name is shown as
NAME (`<FILE>` unless given) and its directory as `<DIR>`. Errors are part of the text. Nothing here
knows of remote files.
"""

import contextlib
import hashlib
import os
import sys

import h5py
from h5py import h5, h5f, h5g, h5l, h5o

import walk_objects
from walk_values import Names, text_of

#: In larger groups, calls that take time in proportion to the group are made for a few members only.
SAMPLED = 40
#: So many objects are described in full; for the rest of a file, the main things are enough.
DETAILED = 1000


class Report:
    """Prints labelled values, indented, with errors in the place of values."""

    def __init__(self, names):
        self._names, self._depth, self.file = names, 0, None

    def file_of(self, found):
        """The name of an object's file, with the display name in it: long values are shown as a hash."""
        return self._names.replace(found.file.filename)

    def line(self, label, text):
        printed = self._names.replace(f"{'  ' * self._depth}{label}: {text}")
        sys.stdout.write(printed.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))
        sys.stdout.write("\n")

    def attempt(self, label, action, quiet=False):
        """Print what `action` returns, or its error; return the value or None."""
        try:
            value = action()
            if not quiet:
                self.line(label, value if isinstance(value, str) else text_of(value, self.file))
            return value
        except Exception as error:
            self.line(label, f"{type(error).__name__}: {error}")
            return None

    @contextlib.contextmanager
    def below(self, label):
        self.line(label, "")
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1


def walk_file(report, name):
    report.attempt("is HDF5", lambda: h5f.is_hdf5(name.encode()))
    report.attempt("is_hdf5", lambda: h5py.is_hdf5(name))
    for mode in ("r", None):
        file = report.attempt(f"open {mode}", lambda: h5py.File(name, *([mode] if mode else [])), quiet=True)
        if file is None:
            return
        if mode is None:
            report.file = file
            break
        report.attempt("close", file.close)
    file_properties(report, file)
    report.attempt("visit", lambda: visit(file))
    report.attempt("visit links", lambda: visit_links(file))
    root = report.attempt("root", lambda: file["/"], quiet=True)
    if root is not None:
        walk_group(report, root, "/", {})
    report.attempt("close", file.close)
    report.line("closed", str(bool(file)))


def file_properties(report, file):
    report.attempt("name", lambda: file.filename)
    report.attempt("low name", lambda: os.fsdecode(h5f.get_name(file.id)))
    for label in ("mode", "driver", "libver", "userblock_size", "meta_block_size", "swmr_mode"):
        report.attempt(label, lambda: getattr(file, label))
    fcpl = file.id.get_create_plist()
    for call in ("get_version", "get_userblock", "get_sizes", "get_link_creation_order",
                 "get_attr_creation_order", "get_attr_phase_change", "get_file_space_strategy",
                 "get_file_space_page_size", "get_obj_track_times"):
        report.attempt(call, lambda: getattr(fcpl, call)())
    report.attempt("size", lambda: file.id.get_filesize())
    report.attempt("free", lambda: file.id.get_freespace())
    report.attempt("intent", lambda: file.id.get_intent())
    report.attempt("close degree", lambda: file.id.get_access_plist().get_fclose_degree())
    if file.id.get_filesize() <= walk_objects.FULL_READ:
        report.attempt("image", lambda: hashlib.sha256(file.id.get_file_image()).hexdigest())


def visit(file):
    """Names and addresses of all objects in the order of H5Ovisit."""
    digest, count = hashlib.sha256(), 0

    def see(name, found):
        nonlocal count
        digest.update(f"{name} {type(found).__name__} {h5o.get_info(found.id).addr}\n".encode(
            "utf-8", "surrogateescape"))
        count += 1

    file.visititems(see)
    return f"{count} objects {digest.hexdigest()[:24]}"


def visit_links(file):
    names = []
    file.id.links.visit(lambda name: names.append(name))
    digest = hashlib.sha256(b"\0".join(names))
    return f"{len(names)} links {digest.hexdigest()[:24]}"


def walk_group(report, group, path, seen):
    """Print a group and everything below it; an object met before is named, not repeated."""
    if len(seen) > DETAILED:
        walk_objects.brief(report, group)
        for name in group:
            with report.below(f"/{name!r}"):
                member(report, group, name, f"{path.rstrip('/')}/{name}", seen)
        return
    walk_objects.object_info(report, group)
    gcpl = group.id.get_create_plist()
    report.attempt("creation", lambda: f"links {gcpl.get_link_creation_order()} attributes "
                                       f"{gcpl.get_attr_creation_order()} {gcpl.get_attr_phase_change()}")
    walk_objects.attributes(report, group)
    report.attempt("comment", lambda: group.id.get_comment(b"."))
    report.attempt("length", lambda: (len(group), group.id.get_num_objs()))
    names = report.attempt("names", lambda: list(group), quiet=True) or []
    for index in (h5.INDEX_NAME, h5.INDEX_CRT_ORDER):
        for order in (h5.ITER_INC, h5.ITER_DEC):
            report.attempt(f"links by {index} {order}", lambda: links(group, index, order))
    old_calls(report, group, len(names))
    report.attempt("absent", lambda: group["no such name"])
    report.attempt("contains absent", lambda: ("no such name" in group, "no/such" in group))
    for name in names:
        with report.below(f"/{name!r}"):
            member(report, group, name, f"{path.rstrip('/')}/{name}", seen)


def links(group, index, order):
    seen = []
    group.id.links.iterate(lambda name: seen.append(name), idx_type=index, order=order)
    return seen


def old_calls(report, group, count):
    """The calls of HDF5 1.6 which h5py still has: by index, and H5Gget_objinfo by name."""
    some = range(count) if count <= SAMPLED else [0, 1, count // 2, count - 1]
    for index in some:
        report.attempt(f"member {index}", lambda: (
            group.id.get_objname_by_idx(index), group.id.get_objtype_by_idx(index)))
    seen = []
    report.attempt("iterate", lambda: h5g.iterate(group.id, lambda name: seen.append(name)))
    report.attempt("iterated", lambda: seen)


def member(report, group, name, path, seen):
    # h5py gives names that are not UTF-8 as bytes.
    encoded = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    link = report.attempt("link", lambda: link_of(group, encoded))
    if len(seen) <= DETAILED:
        report.attempt("class", lambda: (group.get(name, getclass=True, getlink=True).__name__,
                                         group.get(name, getclass=True)))
        report.attempt("old info", lambda: old_info(group, encoded))
        report.attempt("contains", lambda: name in group)
    found = report.attempt("open", lambda: group[name], quiet=True)
    if found is None:
        return
    report.attempt("full name", lambda: found.name)
    info = h5o.get_info(found.id)
    own = link is not None and link.startswith("hard")
    key = (info.fileno, info.addr)
    if key in seen:
        report.line("seen", seen[key])
        return
    if own:
        seen[key] = path
    describe(report, found, path, seen, own)


def describe(report, found, path, seen, own):
    """Everything about an object of this file; the main things about one behind another link."""
    if len(seen) > DETAILED and not isinstance(found, h5py.Group):
        walk_objects.brief(report, found)
    elif isinstance(found, h5py.Dataset):
        if own:
            walk_objects.dataset(report, found, path)
        else:
            report.attempt("dataset", lambda: (found.shape, str(found.dtype), report.file_of(found)))
            walk_objects.contents(report, found, path)
    elif isinstance(found, h5py.Group):
        if own:
            walk_group(report, found, path, seen)
        else:
            report.attempt("group", lambda: (sorted(found), sorted(found.attrs), report.file_of(found)))
    else:
        walk_objects.named_type(report, found)


def link_of(group, encoded):
    info = group.id.links.get_info(encoded)
    kinds = {h5l.TYPE_HARD: "hard", h5l.TYPE_SOFT: "soft", h5l.TYPE_EXTERNAL: "external"}
    kind = kinds.get(info.type, f"class {info.type}")
    value = info.u
    if kind in ("soft", "external"):
        value = group.id.links.get_val(encoded)
    return f"{kind} {value!r} charset {info.cset} order {info.corder_valid},{info.corder}"


def old_info(group, encoded):
    info = h5g.get_objinfo(group.id, encoded, follow_link=False)
    return (f"type {info.type} links {info.nlink} object {info.objno} time {info.mtime} "
            f"length {info.linklen}")


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    name, shown = arguments[0], arguments[1] if len(arguments) > 1 else "<FILE>"
    sys.stdout.reconfigure(encoding="utf-8")
    walk_file(Report(Names(name, shown)), name)


if __name__ == "__main__":
    main(sys.argv[1:])
