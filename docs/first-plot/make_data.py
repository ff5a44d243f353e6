"""Make the file that plot.py shows: an hour of waves behind two islands, one field a minute."""

import h5py
import numpy

y, x = numpy.mgrid[-3:3:600j, -4:4:800j]
sources = [(-1.7, -0.9, 1.0), (-1.2, 1.1, 0.8), (-4.0, 0.0, 0.35)]

with h5py.File("waves.h5", "w") as file:
    height = file.create_dataset("height", (60, *x.shape), "f4", chunks=(1, 300, 400), compression="gzip", shuffle=True)
    height.attrs["units"] = "m"
    for minute in range(len(height)):
        field = 0
        for x0, y0, strength in sources:
            distance = numpy.hypot(x - x0, y - y0) + 0.15
            field += strength * numpy.sin(9 * distance - 0.4 * minute) / numpy.sqrt(distance)
        height[minute] = field
