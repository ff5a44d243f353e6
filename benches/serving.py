"""The servers of a run, what they sent, and what it cost them."""

import contextlib
import os
import re
import subprocess
import tempfile
import time
from pathlib import Path

from line import Line

OPTIONS = {"both": [], "v1": ["--protocol", "v1"], "writable": ["--writable"]}
# The end of a line of the request log, written when an answer has left.
ANSWERED = re.compile(rb" (\d+) bytes [\d.]+ ms")
TICKS = os.sysconf("SC_CLK_TCK")


class Processes:
    """What a server's processes have used."""

    def __init__(self):
        # Files by their letter that it does not have, with the reason.
        self.missing = {}

    def ids(self):
        """The front process, and its workers."""
        tasks = Path(f"/proc/{self.child.pid}/task").glob("*/children")
        return [self.child.pid, *(int(worker) for path in tasks for worker in path.read_text().split())]

    def processor_seconds(self):
        """Those of workers that have ended included."""
        seconds = 0
        for text in self._read("stat"):
            fields = text.rsplit(")", 1)[1].split()
            seconds += sum(int(field) for field in fields[11:15]) / TICKS
        return seconds

    def forget_peaks(self):
        for process in self.ids():
            with contextlib.suppress(OSError):
                Path(f"/proc/{process}/clear_refs").write_text("5")

    def peak_mib(self):
        """The sum of all processes since the peaks were forgotten: at least what they held at once."""
        peaks = [text.split("VmHWM:")[1].split()[0] for text in self._read("status") if "VmHWM:" in text]
        return sum(int(peak) for peak in peaks) / 1024

    def _read(self, name):
        for process in self.ids():
            # A worker may just have ended.
            with contextlib.suppress(OSError):
                yield Path(f"/proc/{process}/{name}").read_text()


class Server(Processes):
    def __init__(self, program, root, options):
        super().__init__()
        self.log = tempfile.TemporaryFile()
        command = [program, "--root", root, "--listen", "127.0.0.1:0", "--log", "info", *options]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log)
        first = self.child.stdout.readline().decode()
        if not first.startswith("listening on "):
            self.log.seek(0)
            raise SystemExit("the server does not start:\n" + self.log.read().decode())
        self.base = first.removeprefix("listening on ").strip()
        host, port = self.base.split("/")[2].split(":")
        self.line = Line((host, int(port)))
        self.read = 0

    def reach(self, round_trip):
        """Its base URL, directly or by a line of so many seconds."""
        if not round_trip:
            return self.base
        self.line.set_round_trip(round_trip)
        return f"http://{self.line.address}/hdfstream"

    def answered(self):
        """Requests and bytes since the last call."""
        # The line of the last answer may still be on its way.
        time.sleep(0.02)
        log = self.log.fileno()
        # The server goes on writing where the file's position is, so that must not be moved.
        new = os.pread(log, os.fstat(log).st_size - self.read, self.read)
        self.read += len(new)
        sizes = [int(size) for size in ANSWERED.findall(new)]
        return {"requests": len(sizes), "bytes": sum(sizes)}

    def end(self):
        self.child.terminate()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
