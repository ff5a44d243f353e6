"""Side by side with native HDF5: every workload by every system, at every distance.

Each sample is a process of its own. In each repetition the workloads come in random order, and each is done by all
systems one after the other, native too, in random order again and at growing distance: a disturbance hits them alike,
and each is compared with the native sample beside it.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path

import files
import report
from hsds_service import Hsds
from serving import OPTIONS, Server
from systems import SYSTEMS, environment_python
from workloads import WORKLOADS

HERE = Path(__file__).parent


# What is compared gets more time than a peer, on a busy machine too.
PATIENCE = 60


class Failed(Exception):
    """A system cannot do this."""


class TooSlow(Failed):
    """It may be able to, in more time."""


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
    usual = [name for name, workload in WORKLOADS.items() if workload.usual]
    parser.add_argument("--workloads", type=names(WORKLOADS), default=usual, help="names with commas between")
    usual = [name for name, system in SYSTEMS.items() if system.usual]
    parser.add_argument("--systems", type=names(SYSTEMS), default=usual, help="the same; native always runs")
    parser.add_argument("--round-trips", default="0,20,100", help="milliseconds (default: 0,20,100)")
    parser.add_argument("--repetitions", type=int, default=3, help="at most (default: 3)")
    parser.add_argument("--limit", type=float, default=10, help="seconds for a peer's sample (default: 10)")
    parser.add_argument(
        "--enough", type=float, default=4, help="a peer that has taken so many seconds is not repeated (default: 4)"
    )
    parser.add_argument("--minutes", type=float, default=20, help="nothing begins after (default: 20)")
    parser.add_argument("--server-options", default="", help="more options for the servers, e.g. '--workers 1'")
    parser.add_argument("--files", type=Path, help="where the files are kept (default: beside the programs)")
    parser.add_argument("--out", type=Path, help="folder for results.json and results.md (default: the same)")
    chosen = parser.parse_args()
    chosen.systems = ["native", *(name for name in chosen.systems if name != "native")]
    chosen.round_trips = sorted(int(text) for text in chosen.round_trips.split(","))
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
        self.written = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=root.parent)))
        self.number = itertools.count()
        self.caches = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=root.parent)))
        self.servers = {}
        self.imports = {}
        for name in {self.server_of(system, workload) for system in chosen.systems for workload in chosen.workloads}:
            if name in OPTIONS:
                served = self.written if name == "writable" else root
                options = OPTIONS[name] + chosen.server_options.split()
                self.servers[name] = Server(chosen.release / "hdfstream-server", served, options)
            elif name == "hsds":
                # Not below what is served: listing that would take long.
                self.servers[name] = Hsds(root.with_name(f"hsds-{root.name}"))
            else:
                continue
            stack.callback(self.servers[name].end)
        if "hsds" in self.servers:
            self.imports = self.servers["hsds"].bring(root, letters_read(chosen.workloads))

    def does(self, system, name, round_trip):
        """Whether it is measured at all."""
        workload = WORKLOADS[name]
        first = round_trip == self.chosen.round_trips[0]
        if system == "native":
            # No line is between, and nothing is kept.
            return first and workload.again not in self.chosen.workloads
        if workload.again and not SYSTEMS[system].plugin:
            return False
        return self.server_of(system, name) is not None and (first or not workload.near)

    def server_of(self, system, workload):
        system = SYSTEMS[system]
        return system.writes_to if WORKLOADS[workload].writes else system.server

    def environment(self, system, cache):
        variables = {"PATH": os.environ["PATH"], "HOME": self.home, "HDFSTREAM_CACHE_DIR": cache} | system.variables
        if system.plugin:
            variables |= {"HDF5_PLUGIN_PATH": str(self.plugin), "HDF5_VOL_CONNECTOR": "hdfstream"}
        return variables

    def sample(self, name, workload_name, round_trip):
        if workload_name in SYSTEMS[name].cannot:
            raise Failed(SYSTEMS[name].cannot[workload_name])
        if not WORKLOADS[workload_name].again or name == "native":
            return self.once(name, workload_name, round_trip, "off")
        cache = self.caches / f"{name} {workload_name} {round_trip}"
        if not cache.exists():
            cache.mkdir()
            self.once(name, workload_name, round_trip, str(cache))
        return self.once(name, workload_name, round_trip, str(cache))

    def once(self, name, workload_name, round_trip, cache):
        system, workload = SYSTEMS[name], WORKLOADS[workload_name]
        server = self.servers.get(self.server_of(name, workload_name))
        if server:
            if workload.letter in server.missing:
                raise Failed(server.missing[workload.letter])
            server.answered()
            server.forget_peaks()
            spent = server.processor_seconds()
            base = server.reach(round_trip / 1000)
        limit = max(self.chosen.limit, PATIENCE if system.always else 0)
        children = []
        # Also those that do not even become ready.
        late = threading.Timer(limit + 20, lambda: [child.kill() for child in children])
        late.start()
        try:
            for letter in workload.letters():
                # A name of its own for what is written: the server may be busy with an earlier one for a while.
                file = f"{letter}{next(self.number)}.h5" if workload.writes else f"{letter}.h5"
                local = (self.written if workload.writes else self.root) / file
                place = system.url.format(base=base, file=file) if server else str(local)
                command = [environment_python(system.environment), HERE / "sample.py", name, workload_name, place]
                pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
                children.append(subprocess.Popen(command, env=self.environment(system, cache), text=True, **pipes))
            took = self.finish(children, server, limit)
            if server:
                took |= {"server_cpu": server.processor_seconds() - spent, "server_mib": server.peak_mib()}
            return took
        finally:
            late.cancel()
            for child in children:
                child.kill()
                child.communicate()
            for file in self.written.glob("*.h5"):
                file.unlink()

    def finish(self, children, server, limit):
        for child in children:
            if child.stdout.readline() != "ready\n":
                raise Failed(last_line(child.communicate()[1]))
        begin = time.perf_counter()
        end = begin + limit
        for child in children:
            child.stdin.write("go\n")
            child.stdin.flush()
        samples = []
        for child in children:
            try:
                out, errors = child.communicate(timeout=max(0.1, end - time.perf_counter()))
            except subprocess.TimeoutExpired:
                raise TooSlow(f"more than {limit:g} s") from None
            if child.returncode:
                raise Failed(last_line(errors))
            samples.append(json.loads(out.splitlines()[-1]))
        counted = server.answered() if server else {"requests": 0, "bytes": 0}
        return counted | {
            "seconds": max(sample["seconds"] for sample in samples),
            "client_cpu": sum(sample["client_cpu"] for sample in samples),
            "peak_mib": max(sample["peak_mib"] for sample in samples),
            "seen": samples[0]["seen"],
        }


def letters_read(workloads):
    read = [WORKLOADS[name] for name in workloads if not WORKLOADS[name].writes]
    return list(dict.fromkeys(letter for workload in read for letter in workload.letters()))


def last_line(errors):
    lines = [line for line in errors.splitlines() if line.strip()]
    return lines[-1][:500] if lines else "it ended without a word"


def shuffled(items):
    return random.sample(items, len(items))


def measure(bench, chosen, samples, failures):
    """Adds samples and failures by (workload, round trip, system)."""
    end = time.monotonic() + 60 * chosen.minutes
    # The first repetition warms up what the kernel and the servers keep, which needs no distance.
    for repetition in range(chosen.repetitions + 1):
        for number, workload in enumerate(shuffled(chosen.workloads)):
            for trip in chosen.round_trips if repetition else chosen.round_trips[:1]:
                for system in shuffled(chosen.systems):
                    key = (workload, trip, system)
                    taken = samples.get(key, [])
                    if not bench.does(system, workload, trip) or key in failures:
                        continue
                    if not repetition and not SYSTEMS[system].warms_up:
                        continue
                    spent = sum(sample["seconds"] for sample in taken)
                    if spent > chosen.enough and not SYSTEMS[system].always:
                        continue
                    if time.monotonic() > end:
                        return
                    progress = f"{repetition}/{chosen.repetitions} {number}/{len(chosen.workloads)} {trip} ms {system}"
                    print(f"\r{progress:60}", end="", file=sys.stderr, flush=True)
                    try:
                        sample = bench.sample(system, workload, trip)
                    except Failed as failure:
                        fail(failures, chosen, key, failure)
                        continue
                    if repetition:
                        samples[key] = [*taken, sample | {"repetition": repetition}]


def fail(failures, chosen, key, failure):
    """Also for all longer distances: it will not become faster."""
    workload, failed, system = key
    for trip in chosen.round_trips:
        if trip >= failed:
            failures[workload, trip, system] = {"failure": str(failure), "slow": isinstance(failure, TooSlow)}


def main():
    chosen = arguments()
    # So that its servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    root = files.make(chosen.files, letters_read(chosen.workloads))
    with contextlib.ExitStack() as stack:
        bench = Bench(chosen, root, stack)
        samples, failures = {}, {}
        load = os.getloadavg()[0]
        broken = False
        try:
            measure(bench, chosen, samples, failures)
        except KeyboardInterrupt:
            # Whoever has seen enough gets what there is.
            pass
        except Exception:
            traceback.print_exc()
            broken = True
        print(file=sys.stderr)
    results = report.results(chosen, samples, failures, bench.imports, load)
    text = report.markdown(results)
    chosen.out.mkdir(parents=True, exist_ok=True)
    (chosen.out / "results.json").write_text(json.dumps(results, indent=1))
    (chosen.out / "results.md").write_text(text)
    print(text)
    if broken:
        sys.exit("the run broke off, see above")


if __name__ == "__main__":
    main()
