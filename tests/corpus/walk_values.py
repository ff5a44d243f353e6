"""Turn any value that h5py returns into text which is the same for equal values.

Padding bytes, pointers and ids never reach the text. Small values are printed, large ones hashed.
"""

import hashlib
import os
import re
import urllib.parse

import h5py
import numpy as np
from h5py import h5r, h5s

#: Longest text of a value that is printed as it is.
SHORT = 200


class Names:
    """Replaces the file's own name and directory in texts, so that local and remote runs agree."""

    def __init__(self, file, shown):
        whole = {file, os.path.abspath(file), os.path.realpath(file)}
        # A URL may come back decoded, with its slashes collapsed, or below the working directory.
        for name in (file, urllib.parse.unquote(file)):
            collapsed = re.sub(r"(?<!^)/{2,}", "/", name)
            whole |= {name, collapsed, os.path.join(os.getcwd(), collapsed), os.path.join(os.getcwd(), name)}
        pairs = [(name, shown) for name in whole]
        for name in whole:
            directory = name.rpartition("/")[0]
            if directory not in ("", "/"):
                pairs.append((directory + "/", "<DIR>/"))
                pairs.append((directory, "<DIR>"))
        self._pairs = sorted(pairs, key=lambda pair: -len(pair[0]))

    def replace(self, text):
        for name, shown in self._pairs:
            text = text.replace(name, shown)
        return text


def text_of(value, file):
    """One line for `value`; `file` resolves references."""
    text = render(value, file)
    if len(text) <= SHORT:
        return text
    kind = f"{value.dtype} {value.shape} " if isinstance(value, np.ndarray) else ""
    return f"{kind}sha256:{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}"


def render(value, file):
    if isinstance(value, np.ndarray):
        return render_array(value, file)
    if isinstance(value, np.generic):
        return render_array(np.asarray(value), file)
    if isinstance(value, h5r.RegionReference):
        return render_region(value, file)
    if isinstance(value, h5r.Reference):
        return render_reference(value, file)
    if isinstance(value, h5py.Empty):
        return f"Empty({value.dtype})"
    if isinstance(value, (list, tuple)):
        return f"{type(value).__name__}({', '.join(render(item, file) for item in value)})"
    return repr(value)


def render_array(array, file):
    if array.dtype.hasobject:
        if array.dtype.names:
            parts = [f"{name!r}: {render_array(array[name], file)}" for name in array.dtype.names]
            return f"{{{', '.join(parts)}}}"
        items = ", ".join(render(item, file) for item in array.flat)
        return f"object{array.shape}[{items}]"
    if array.size <= 8 and array.dtype.itemsize <= 64 and not has_padding(array.dtype):
        return f"{array.dtype.str}{array.shape}{array.tolist()!r}"
    digest = hashlib.sha256()
    feed(digest, array)
    return f"{array.dtype} {array.shape} sha256:{digest.hexdigest()[:24]}"


def has_padding(dtype):
    return dtype.names is not None or dtype.kind == "V" or dtype in (np.longdouble, np.clongdouble)


def feed(digest, array):
    """Hash the values of `array` without the bytes between them."""
    if array.dtype.names:
        for name in array.dtype.names:
            digest.update(name.encode())
            feed(digest, array[name])
        return
    array = np.ascontiguousarray(array)
    if array.dtype == np.clongdouble:
        array = array.view(np.longdouble)
    if array.dtype == np.longdouble and array.dtype.itemsize == 16 and array.size:
        # x87: ten bytes of value, six of whatever was there.
        array = np.ascontiguousarray(array.reshape(-1).view("u1").reshape(-1, 16)[:, :10])
    digest.update(array.data if array.size and array.dtype.kind not in "mM" else array.tobytes())


def render_reference(reference, file):
    if not reference:
        return "null reference"
    name = h5r.get_name(reference, file.id)
    return f"reference to {name!r} of type {h5r.get_obj_type(reference, file.id)}"


def render_region(reference, file):
    if not reference:
        return "null region"
    space = h5r.get_region(reference, file.id)
    name = h5r.get_name(reference, file.id)
    count = space.get_select_npoints()
    kind = space.get_select_type()
    bounds = space.get_select_bounds() if count else None
    text = f"region of {name!r}: {count} points, kind {kind}, bounds {bounds}"
    if kind == h5s.SEL_POINTS:
        text += f", {space.get_select_elem_pointlist().tolist()}"
    elif kind == h5s.SEL_HYPERSLABS:
        blocks = space.get_select_hyper_blocklist()
        text += f", {blocks.tolist() if len(blocks) <= 8 else len(blocks)}"
    if count:
        data = np.empty(count, dtype=file[reference].dtype)
        made = h5py.Dataset(h5r.dereference(reference, file.id))
        made.id.read(h5s.create_simple((count,)), space, data)
        text += f", {render_array(data, file)}"
    return text
