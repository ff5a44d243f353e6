"""HSDS, the server of h5pyd: two data nodes and a service node on sockets, over files that are imported once."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from line import Line
from serving import Processes
from systems import environment_python

NODES = 2
READY_SECONDS = 30
IMPORT_SECONDS = 600
USER = "bench"


class Hsds(Processes):
    def __init__(self, storage):
        super().__init__()
        self.storage = storage
        (storage / USER).mkdir(parents=True, exist_ok=True)
        # The path of a socket must be short, and its name end in `.sock`.
        self.folder = tempfile.TemporaryDirectory()
        self.children = []
        self.requests = 0
        service = Path(self.folder.name) / "service.sock"
        data = [Path(self.folder.name) / f"data{number}.sock" for number in range(NODES)]
        self.base = url(service)
        self.line = Line(str(service))
        common = [
            "--standalone",
            "--use_socket",
            f"--dn_urls={','.join(url(socket) for socket in data)}",
            f"--hsds_endpoint={self.base}",
            f"--root_dir={storage}",
            f"--bucket_name={USER}",
            "--password_file=",
            # Else it refuses requests for many chunks when it is slow.
            "--max_task_count=10000",
        ]
        account = [f"--hs_username={USER}", f"--hs_password={USER}", f"--admin_user={USER}"]
        try:
            self._start("--node_type=sn", f"--sn_url={self.base}", *account, *common)
            for number in range(NODES):
                self._start("--node_type=dn", f"--node_number={number}", *common)
            self._wait()
        except BaseException:
            self.end()
            raise

    def _start(self, *options):
        command = [environment_python("bench-hsds"), "-m", "hsds.node_runner", *options]
        environment = {"PATH": os.environ["PATH"], "HOME": self.folder.name, "LOG_LEVEL": "ERROR"}
        log = open(Path(self.folder.name) / f"log{len(self.children)}", "w")
        self.children.append(
            subprocess.Popen(command, env=environment, cwd=self.folder.name, stdout=log, stderr=subprocess.STDOUT)
        )

    def _wait(self):
        import requests_unixsocket

        self.session = requests_unixsocket.Session()
        end = time.monotonic() + READY_SECONDS
        while time.monotonic() < end:
            try:
                if self.session.get(f"{self.base}/about", timeout=5).json()["state"] == "READY":
                    return
            except (OSError, ValueError):
                pass
            time.sleep(0.2)
        logs = "".join(path.read_text()[-2000:] for path in Path(self.folder.name).glob("log*"))
        raise SystemExit(f"HSDS is not ready after {READY_SECONDS} s:\n{logs}")

    def ids(self):
        return [child.pid for child in self.children]

    def reach(self, round_trip):
        if not round_trip:
            return self.base
        self.line.set_round_trip(round_trip)
        return f"http://{self.line.address}"

    def answered(self):
        """Requests since the last call. Bytes are not counted anywhere."""
        try:
            text = self.session.get(f"{self.base}/metrics", timeout=10).text
        except OSError:
            # It still works for a client that was stopped.
            self.requests = None
            return {}
        counts = [line.rsplit(" ", 1)[1] for line in text.splitlines() if line.startswith("hsds_http_requests_total{")]
        total = int(sum(float(count) for count in counts))
        before = self.requests
        # The next answer counts this question as well.
        self.requests = total + 1
        return {} if before is None else {"requests": total - before}

    def bring(self, root, letters):
        """Imports files that it has not yet; returns by letter how many seconds it has taken once."""
        took = {}
        for letter in letters:
            done = self.storage / f"{letter}.json"
            if not done.exists():
                print(f"importing {letter} into HSDS", file=sys.stderr)
                command = [sys.executable, __file__, self.base, root / f"{letter}.h5"]
                environment = {"PATH": os.environ["PATH"], "HOME": self.folder.name}
                begin = time.monotonic()
                try:
                    subprocess.run(command, env=environment, check=True, timeout=IMPORT_SECONDS)
                except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
                    self.missing[letter] = "the file could not be imported"
                    continue
                done.write_text(json.dumps(time.monotonic() - begin))
            took[letter] = json.loads(done.read_text())
        return took

    def end(self):
        for child in self.children:
            child.terminate()
        end = time.monotonic() + 5
        for child in self.children:
            try:
                # It waits for what it believes it has to write.
                child.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.folder.cleanup()


def url(socket):
    return f"http+unix://{quote(str(socket), safe='')}"


def import_file(endpoint, path):
    """As its own `hsload`, which fails for A, C and E: it sends too much in one request."""
    import h5py
    import h5pyd

    access = {"endpoint": endpoint, "username": USER, "password": USER}
    for folder in ("/home/", f"/home/{USER}/"):
        try:
            h5pyd.Folder(folder, mode="x", **access).close()
        except OSError:
            # It is there.
            pass
    # lzf is not among its filters.
    storage = {"gzip": {"compression": "gzip", "compression_opts": 4, "shuffle": True}, "lzf": {"compression": "lz4"}}
    with h5py.File(path) as source, h5pyd.File(f"/home/{USER}/{path.name}", "w", **access) as target:
        done = 0

        def visit(name, item):
            nonlocal done
            if isinstance(item, h5py.Group):
                new = target.create_group(name)
            else:
                chunks = item.chunks or True
                filters = storage.get(item.compression, {})
                new = target.create_dataset(name, item.shape, item.dtype, chunks=chunks, **filters)
                # Strings are larger than their pointers.
                step = max(1, min(100_000, (8 << 20) // (item.dtype.itemsize * math.prod(item.shape[1:]))))
                for start in range(0, len(item), step):
                    new[start : start + step] = item[start : start + step]
            for key, value in item.attrs.items():
                new.attrs[key] = value
            done += 1
            if done % 100 == 0:
                target.flush()

        source.visititems(visit)


if __name__ == "__main__":
    import_file(sys.argv[1], Path(sys.argv[2]))
