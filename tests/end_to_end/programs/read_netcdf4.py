"""Prints every variable of a file through netCDF4: dimensions, attributes, and values by checksum."""

import sys

import netCDF4
from shown import shown


def values(name):
    with netCDF4.Dataset(name, "r") as file:
        file.set_auto_maskandscale(False)
        yield from group_values(file)


def group_values(group):
    path = group.path
    for key in group.ncattrs():
        yield f"{path}@{key} = {shown(group.getncattr(key))}"
    for key, dimension in group.dimensions.items():
        yield f"{path} dimension {key} {dimension.size} {dimension.isunlimited()}"
    for key, variable in group.variables.items():
        where = f"{path.rstrip('/')}/{key}"
        yield f"{where} {variable.dtype} {variable.dimensions} {variable.shape} {variable.chunking()}"
        for attribute in variable.ncattrs():
            yield f"{where}@{attribute} = {shown(variable.getncattr(attribute))}"
        yield f"{where} = {shown(variable[...])}"
    for child in group.groups.values():
        yield from group_values(child)


if __name__ == "__main__":
    for line in values(sys.argv[1]):
        print(line)
