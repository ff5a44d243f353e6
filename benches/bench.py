"""Side by side with native HDF5: every workload by every system, at every distance.

Each sample is a process of its own. In each repetition every workload is done by all systems, native too, in
random order, so that a disturbance hits them alike and each can be compared with the native sample beside it.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import files
import report
from serving import OPTIONS, Server
from systems import SYSTEMS
from workloads import WORKLOADS

HERE = Path(__file__).parent


class Failed(Exception):
    """A system cannot do this."""


def arguments():
    def names(known):
        def parse(text):
            chosen = text.split(",")
            for name in chosen:
                if name not in known:
                    raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(known)}")
            return chosen

        return parse

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--release", type=Path, required=True, help="folder with the programs and the plugin")
    parser.add_argument("--workloads", type=names(WORKLOADS), default=list(WORKLOADS), help="names with commas between")
    parser.add_argument("--systems", type=names(SYSTEMS), default=list(SYSTEMS), help="the same; native always runs")
    parser.add_argument("--round-trips", default="0,20,100", help="milliseconds (default: 0,20,100)")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--limit", type=float, default=60, help="seconds for one sample (default: 60)")
    parser.add_argument("--server-options", default="", help="more options for the servers, e.g. '--workers 1'")
    parser.add_argument("--files", type=Path, help="where the files are kept (default: beside the programs)")
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md (default: the same)")
    chosen = parser.parse_args()
    chosen.systems = ["native", *(name for name in chosen.systems if name != "native")]
    chosen.round_trips = [int(text) for text in chosen.round_trips.split(",")]
    chosen.files = chosen.files or chosen.release / "bench"
    chosen.out = chosen.out or chosen.release / "bench"
    return chosen


class Bench:
    def __init__(self, chosen, root, stack):
        self.chosen = chosen
        self.root = root
        # Whose settings and caches must not count.
        self.home = stack.enter_context(tempfile.TemporaryDirectory())
        self.plugin = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        # HDF5 looks at everything in the folder of plugins.
        (self.plugin / "libhdfstream_vol.so").symlink_to((chosen.release / "libhdfstream_vol.so").resolve())
        # On the same disk as what is read.
        self.written = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=root)))
        self.number = itertools.count()
        self.servers = {}
        for name in {self.server_of(system, workload) for system in chosen.systems for workload in chosen.workloads}:
            if name in OPTIONS:
                served = self.written if name == "writable" else root
                options = OPTIONS[name] + chosen.server_options.split()
                self.servers[name] = Server(chosen.release / "hdfstream-server", served, options)
                stack.callback(self.servers[name].end)

    def server_of(self, system, workload):
        system = SYSTEMS[system]
        return system.writes_to if WORKLOADS[workload].writes else system.server

    def environment(self, system, cache):
        variables = {"PATH": os.environ["PATH"], "HOME": self.home, "HDFSTREAM_CACHE_DIR": cache}
        if system.plugin:
            variables |= {"HDF5_PLUGIN_PATH": str(self.plugin), "HDF5_VOL_CONNECTOR": "hdfstream"}
        return variables

    def sample(self, name, workload_name, round_trip):
        workload = WORKLOADS[workload_name]
        if not workload.again:
            return self.once(name, workload_name, round_trip, "off")
        with tempfile.TemporaryDirectory() as cache:
            self.once(name, workload_name, round_trip, cache)
            return self.once(name, workload_name, round_trip, cache)

    def once(self, name, workload_name, round_trip, cache):
        system, workload = SYSTEMS[name], WORKLOADS[workload_name]
        server = self.servers.get(self.server_of(name, workload_name))
        if server:
            server.answered()
            spent = server.processor_seconds()
            base = server.reach(round_trip / 1000)
        children = []
        # Also those that do not even become ready.
        late = threading.Timer(self.chosen.limit + 20, lambda: [child.kill() for child in children])
        late.start()
        try:
            for letter in workload.letters():
                # A name of its own for what is written: the server may be busy with an earlier one for a while.
                file = f"{letter}{next(self.number)}.h5" if workload.writes else f"{letter}.h5"
                local = (self.written if workload.writes else self.root) / file
                place = system.url.format(base=base, file=file) if server else str(local)
                command = [sys.executable, HERE / "sample.py", name, workload_name, place]
                pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
                children.append(subprocess.Popen(command, env=self.environment(system, cache), text=True, **pipes))
            took = self.finish(children, server)
            return took | {"server_cpu": server.processor_seconds() - spent} if server else took
        finally:
            late.cancel()
            for child in children:
                child.kill()
                child.communicate()
            for file in self.written.glob("*.h5"):
                file.unlink()

    def finish(self, children, server):
        for child in children:
            if child.stdout.readline() != "ready\n":
                raise Failed(last_line(child.communicate()[1]))
        begin = time.perf_counter()
        end = begin + self.chosen.limit
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        samples = []
        for child in children:
            try:
                out, errors = child.communicate(timeout=max(0.1, end - time.perf_counter()))
            except subprocess.TimeoutExpired:
                raise Failed(f"more than {self.chosen.limit:.0f} s") from None
            if child.returncode:
                raise Failed(last_line(errors))
            samples.append(json.loads(out.splitlines()[-1]))
        requests, sent = server.answered() if server else (0, 0)
        return {
            "seconds": max(sample["seconds"] for sample in samples),
            "client_cpu": sum(sample["client_cpu"] for sample in samples),
            "peak_mib": max(sample["peak_mib"] for sample in samples),
            "seen": samples[0]["seen"],
            "requests": requests,
            "bytes": sent,
        }


def last_line(errors):
    lines = [line for line in errors.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it ended without a word"


def shuffled(items):
    return random.sample(items, len(items))


def measure(bench, chosen, samples, failures):
    """Adds samples and failures by (workload, round trip, system)."""
    places = [(workload, trip) for trip in chosen.round_trips for workload in chosen.workloads]
    # The first repetition warms up what the kernel and the servers keep.
    for repetition in range(chosen.repetitions + 1):
        for number, (workload, trip) in enumerate(shuffled(places)):
            print(f"\r{repetition}/{chosen.repetitions} {number}/{len(places)}   ", end="", file=sys.stderr, flush=True)
            for system in shuffled(chosen.systems):
                key = (workload, trip, system)
                # What a system does not do at all is left out without a word.
                if key in failures or (system != "native" and not bench.server_of(system, workload)):
                    continue
                try:
                    sample = bench.sample(system, workload, trip)
                except Failed as failure:
                    failures[key] = str(failure)
                    continue
                if repetition:
                    samples.setdefault(key, []).append(sample | {"repetition": repetition})
    print(file=sys.stderr)


def main():
    chosen = arguments()
    read = [WORKLOADS[name] for name in chosen.workloads if not WORKLOADS[name].writes]
    letters = dict.fromkeys(letter for workload in read for letter in workload.letters())
    root = files.make(chosen.files, letters)
    with contextlib.ExitStack() as stack:
        bench = Bench(chosen, root, stack)
        samples, failures = {}, {}
        # Whoever has seen enough gets what there is.
        with contextlib.suppress(KeyboardInterrupt):
            measure(bench, chosen, samples, failures)
    results = report.results(chosen, samples, failures)
    text = report.markdown(results)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "results.json").write_text(json.dumps(results, indent=1))
    (chosen.out / "results.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
