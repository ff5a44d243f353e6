"""Prints every object of a file through h5py: shapes, types, attributes, and values by checksum."""

import sys

import h5py
from shown import shown


def values(name):
    with h5py.File(name, "r") as file:
        yield from attributes("/", file)
        found = []
        file.visititems(lambda path, item: found.append((path, item)))
        for path, item in sorted(found, key=lambda pair: pair[0]):
            if isinstance(item, h5py.Dataset):
                yield f"{path} dataset {item.shape} {item.dtype} {item.chunks} {item.compression}"
                yield f"{path} = {shown(item[()])}"
            else:
                yield f"{path} {type(item).__name__}"
            yield from attributes(path, item)


def attributes(path, item):
    for name in sorted(item.attrs):
        yield f"{path}@{name} = {shown(item.attrs[name])}"


if __name__ == "__main__":
    for line in values(sys.argv[1]):
        print(line)
