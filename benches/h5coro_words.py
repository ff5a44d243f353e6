"""h5coro with as many words of h5py as the workloads use. It has none of its own for steps: they are cut out here."""

from h5coro import h5coro, logger, webdriver


class Node:
    """A group, or a dataset; with the attributes that the listing of its parent has brought."""

    def __init__(self, file, path, attributes=None):
        self.file = file
        self.path = path
        self.attrs = attributes or {}

    def keys(self):
        return sorted(self.file.inspectPath(self.path, w_attr=False)[0])

    def __getitem__(self, key):
        return Dataset(self.file, f"{self.path}/{key}".strip("/"))

    def visititems(self, visit):
        datasets, _, groups = self.file.list(self.path or "/")
        for name, members in (datasets | groups).items():
            path = f"{self.path}/{name}".strip("/")
            attributes = {key: value for key, value in members.items() if key != "__metadata__"}
            if "__metadata__" in members:
                visit(path, Dataset(self.file, path, members["__metadata__"].dimensions, attributes))
            else:
                group = Node(self.file, path, attributes)
                visit(path, group)
                group.visititems(visit)


class Dataset(Node):
    def __init__(self, file, path, shape=None, attributes=None):
        super().__init__(file, path, attributes)
        if shape is not None:
            self.shape = shape

    def __getitem__(self, key):
        keys = () if key is ... else key if isinstance(key, tuple) else (key,)
        if not keys:
            return self._read([])
        shape = getattr(self, "shape", None) or self._shape()
        bounds, steps = [], []
        for place, size in zip(keys + (slice(None),) * (len(shape) - len(keys)), shape, strict=True):
            start, stop, step = place.indices(size) if isinstance(place, slice) else (place, place + 1, 1)
            bounds.append([start, stop])
            steps.append(slice(None, None, step) if isinstance(place, slice) else 0)
        return self._read(bounds)[tuple(steps)]

    def _shape(self):
        self.shape = self.file.inspectPath(self.path, w_attr=False)[2].dimensions
        return self.shape

    def _read(self, bounds):
        values = self.file.readDatasets([{"dataset": self.path, "hyperslice": bounds}])[self.path]
        # What it cannot read is nothing; of texts it gives the first.
        if not hasattr(values, "shape"):
            raise OSError(f"it cannot read {self.path}")
        return values


class File(Node):
    def __init__(self, url):
        logger.log.setLevel("ERROR")
        super().__init__(h5coro.H5Coro(url, webdriver.HTTPDriver), "")

    def close(self):
        self.file.close()
