"""The list of corpus files: each is a function that writes one file, named by a decorator."""

from dataclasses import dataclass, field
from typing import Callable


@dataclass(frozen=True)
class Entry:
    """One file of the corpus and what a test has to know about it."""

    file: str
    notes: str
    write: Callable[[str], None]
    #: Tools that crash on this file also when it is local, or take minutes; "h5ls -d" is h5ls with data.
    skip: tuple = ()
    #: Printing all of its values takes long; look at headers only.
    large: bool = False
    #: The file is broken on purpose: every tool must refuse it as it refuses the local one.
    broken: bool = False
    #: Needs the filters of hdf5plugin: its PLUGIN_PATH has to be part of HDF5_PLUGIN_PATH.
    plugins: bool = False
    #: Environment that a reader needs to see everything.
    env: dict = field(default_factory=dict)

    def describe(self):
        described = {"file": self.file, "notes": self.notes, "skip": list(self.skip)}
        if self.large:
            described["large"] = True
        if self.broken:
            described["broken"] = True
        if self.plugins:
            described["plugins"] = True
        if self.env:
            described["env"] = dict(self.env)
        return described


ENTRIES = []


def corpus_file(name, notes, **options):
    """Register the decorated function as the writer of corpus file `name`.

    It is called with `name` in the corpus directory as working directory, so every name that it
    stores in a file is relative to that.
    """

    def register(write):
        if any(entry.file == name for entry in ENTRIES):
            raise ValueError(f"two corpus files are called {name}")
        ENTRIES.append(Entry(name, notes, write, **options))
        return write

    return register
