"""Prints every node of a file through PyTables: structure, attributes, and values by checksum."""

import itertools
import sys

import tables
from shown import shown


def values(name):
    with tables.open_file(name, "r") as file:
        # Cycles of hard links have no end.
        for node in itertools.islice(file.walk_nodes("/"), 2000):
            path = node._v_pathname
            yield f"{path} {type(node).__name__}"
            for key in sorted(node._v_attrs._v_attrnames):
                yield f"{path}@{key} = {shown(node._v_attrs[key])}"
            if isinstance(node, tables.link.Link):
                yield f"{path} -> {node.target}"
            elif isinstance(node, tables.Leaf):
                yield f"{path} {node.shape} {node.chunkshape} {node.filters}"
                if isinstance(node, tables.VLArray):
                    for number, row in enumerate(node):
                        yield f"{path}[{number}] = {shown(row)}"
                else:
                    yield f"{path} = {shown(node.read())}"


if __name__ == "__main__":
    for line in values(sys.argv[1]):
        print(line)
