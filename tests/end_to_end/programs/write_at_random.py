"""Makes the same random changes to a local and a remote file, and compares their bytes at every flush."""

import h5py
import numpy


class Pair:
    """A local and a remote file, of which the served copy is seen on the server's disk."""

    def __init__(self, local, remote, served, seed):
        self.names = (local, remote)
        self.served = served
        self.rng = numpy.random.default_rng(seed)
        self.paths = []
        self.made = 0
        self.open("w")

    def open(self, mode):
        self.files = [h5py.File(name, mode) for name in self.names]

    def both(self, change):
        for file in self.files:
            change(file)

    def compare(self):
        with open(self.names[0], "rb") as local, open(self.served, "rb") as served:
            expected = bytearray(local.read())
            # The mark that somebody writes the file, which the server's copy never has.
            expected[20] = 0
            assert expected == served.read()

    def pick(self):
        return self.paths[self.rng.integers(len(self.paths))] if self.paths else None

    def create(self):
        self.made += 1
        path = "/".join(["g%d" % self.rng.integers(4)] * self.rng.integers(3) + [f"d{self.made}"])
        shape = tuple(int(n) for n in self.rng.integers(1, 60, self.rng.integers(1, 3)))
        data = self.rng.integers(0, 1000, shape)
        keywords = [
            {},
            {"chunks": tuple(max(1, n // 3) for n in shape), "maxshape": (None,) * len(shape)},
            {"chunks": tuple(max(1, n // 2) for n in shape), "compression": "gzip", "maxshape": (None,) * len(shape)},
        ][self.rng.integers(3)]
        self.both(lambda f: f.create_dataset(path, data=data, **keywords))
        self.paths.append(path)

    def words(self):
        self.made += 1
        words = ["word" * int(n) for n in self.rng.integers(0, 300, 20)]
        path = f"w{self.made}"
        self.both(lambda f: f.create_dataset(path, data=words, dtype=h5py.string_dtype()))

    def large(self):
        self.made += 1
        path, size = f"l{self.made}", int(self.rng.integers(1, 400000))
        self.both(lambda f: f.create_dataset(path, data=numpy.arange(size)))
        self.paths.append(path)

    def write(self):
        if path := self.pick():
            start, value = int(self.rng.integers(60)), int(self.rng.integers(1000))
            self.both(lambda f: f[path].__setitem__(slice(start // 2, start), value))

    def resize(self):
        path = self.pick()
        if path and self.files[0][path].chunks:
            shape = tuple(int(n) for n in self.rng.integers(1, 120, self.files[0][path].ndim))
            self.both(lambda f: f[path].resize(shape))

    def remove(self):
        if path := self.pick():
            self.both(lambda f: f.__delitem__(path))
            self.paths.remove(path)

    def rename(self):
        if path := self.pick():
            self.made += 1
            new = f"moved/m{self.made}"
            self.both(lambda f: f.move(path, new))
            self.paths[self.paths.index(path)] = new

    def copy(self):
        if path := self.pick():
            self.made += 1
            new = f"c{self.made}"
            self.both(lambda f: f.copy(path, new))
            self.paths.append(new)

    def attribute(self):
        if path := self.pick():
            name, value = "a%d" % self.rng.integers(12), numpy.arange(self.rng.integers(1, 200))
            self.both(lambda f: f[path].attrs.__setitem__(name, value))

    def read(self):
        if path := self.pick():
            assert (self.files[0][path][...] == self.files[1][path][...]).all()

    def flush(self):
        self.both(lambda f: f.flush())
        self.compare()

    def reopen(self):
        self.both(lambda f: f.close())
        self.compare()
        self.open("r+")

    def change(self, steps):
        kinds = [
            (self.create, 6), (self.words, 1), (self.large, 1), (self.write, 6), (self.resize, 4), (self.remove, 3),
            (self.rename, 2), (self.copy, 2), (self.attribute, 5), (self.read, 3), (self.flush, 2), (self.reopen, 1),
        ]
        calls = [call for call, times in kinds for _ in range(times)]
        for _ in range(steps):
            calls[self.rng.integers(len(calls))]()
        self.both(lambda f: f.close())
        self.compare()
