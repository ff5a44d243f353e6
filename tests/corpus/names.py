"""Names: unicode, very long, with every awkward character; of links, attributes and files."""

import h5py
import numpy as np
from h5py import h5a, h5g, h5s, h5t

from registry import corpus_file

AWKWARD = [
    "blank in name", " leading", "trailing ", "tab\there", "new\nline", "quote\"'`", "back\\slash",
    "percent%20%", "hash#fragment", "question?x=1&y=2", "colon:semi;comma,", "star*[ab]{c}", "~", "$HOME",
    ".hidden", "..", "...", "a.b", "-dash", "ünïcödé", "日本語", "🦀", "e\u0301 combining", "é precomposed",
    "\u202eright to left", "UPPER", "upper", "0", "00", "<html>&amp;", "\x01control\x7f",
]


@corpus_file("names_awkward.h5", "links and attributes with awkward names, in old groups")
def awkward(path):
    with h5py.File(path, "w") as file:
        fill(file)


@corpus_file("names_awkward_new.h5", "the same in new groups")
def awkward_new(path):
    with h5py.File(path, "w", libver=("v108", "v114")) as file:
        fill(file)


def fill(file):
    for i, name in enumerate(AWKWARD):
        file.create_group(f"groups/{name}").attrs["i"] = i
        file[f"datasets/{name}"] = i
        file.attrs[name] = i
        file[f"soft/{name}"] = h5py.SoftLink(f"/datasets/{name}")
    kind = np.dtype([(name, "i1") for name in AWKWARD])
    file["compound"] = np.zeros(2, dtype=kind)


@corpus_file("names_long.h5", "names of up to 60,000 characters, and long paths")
def long(path):
    with h5py.File(path, "w", libver=("v108", "v114")) as file:
        for length in (255, 256, 1000, 5000, 60_000):
            file.create_group(f"{length} " + "n" * length)["d"] = length
            file.attrs[f"{length} " + "a" * min(length, 30_000)] = length
        file.create_group("unicode " + "長い" * 300)
        file["soft"] = h5py.SoftLink(f"/256 {'n' * 256}/d")
        file.create_group("/".join(["part" * 50] * 20))


@corpus_file("names_long_unicode.h5", "a name of 18,000 bytes outside ASCII: h5ls does not end",
             skip=("h5ls", "h5ls -d"))
def long_unicode(path):
    with h5py.File(path, "w") as file:
        file.create_group("長い" * 3000)["d"] = 1


@corpus_file("names_bytes.h5", "names that are not UTF-8, and ASCII flagged as such")
def not_utf8(path):
    with h5py.File(path, "w") as file:
        for name in (b"latin \xe9", b"\xff\xfe", b"cut \xe2\x82"):
            group = h5g.create(file.id, name)
            made = h5a.create(group, name, h5t.STD_I32LE, h5s.create(h5s.SCALAR))
            made.write(np.array(3, dtype="i4"))


@corpus_file("näme with blank & 100%.h5", "an awkward name of the file itself")
def awkward_file(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(10)
        file["itself"] = h5py.ExternalLink(path, "/data")


@corpus_file("deep/er/path/file.name.with.dots", "a file below several directories, without .h5")
def deep_file(path):
    with h5py.File(path, "w") as file:
        file["data"] = np.arange(10)
        file["up"] = h5py.ExternalLink("../../../spaces.h5", "/i4/unlimited")
