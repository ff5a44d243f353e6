"""A NetCDF-4 file that h5py and PyTables can read as well."""

import netCDF4
import numpy


def weather(name):
    random = numpy.random.default_rng(4)
    with netCDF4.Dataset(name, "w") as file:
        file.title = "made up"
        file.createDimension("time", None)
        file.createDimension("lat", 30)
        file.createDimension("lon", 40)
        for key, count in (("lat", 30), ("lon", 40)):
            file.createVariable(key, "f8", (key,))[:] = numpy.linspace(0, 80, count)
        time = file.createVariable("time", "i4", ("time",))
        time.units = "days since 2000-01-01"
        time[:] = numpy.arange(12)
        temperature = file.createVariable("temperature", "f4", ("time", "lat", "lon"), zlib=True)
        temperature.units = "K"
        temperature[:] = 280 + 20 * random.random((12, 30, 40))
        nested = file.createGroup("station")
        nested.createDimension("site", 5)
        nested.createVariable("height", "i2", ("site",))[:] = [1, 2, 3, 5, 8]
