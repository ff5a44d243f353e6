"""What a run has found: one dictionary, and its tables."""

import datetime
import importlib.metadata
import os
import platform
from statistics import median

from systems import SYSTEMS
from workloads import WORKLOADS


def results(chosen, samples, failures, imports, load):
    rows = []
    for workload in chosen.workloads:
        natives = native_samples(chosen, samples, workload)
        for trip in chosen.round_trips:
            for system in chosen.systems:
                key = (workload, trip, system)
                row = {"workload": workload, "round_trip_ms": trip, "system": system}
                if key in failures:
                    rows.append(row | failures[key])
                elif key in samples:
                    rows.append(row | summary(samples[key], natives))
    return {
        "day": datetime.date.today().isoformat(),
        "machine": {
            "cores": os.cpu_count(),
            "load before": load,
            "kernel": platform.release(),
            "python": platform.python_version(),
        },
        "versions": versions(),
        "repetitions": chosen.repetitions,
        "limit": chosen.limit,
        "server_options": chosen.server_options,
        "imports into HSDS, seconds": imports,
        "rows": rows,
    }


def native_samples(chosen, samples, workload):
    """By repetition. What is done again is compared with doing it the first time: native keeps nothing."""
    for name in (workload, WORKLOADS[workload].again):
        found = samples.get((name, chosen.round_trips[0], "native"))
        if found:
            return {sample["repetition"]: sample for sample in found}
    return {}


def versions():
    found = {}
    for name in ("h5py", "fsspec", "h5coro", "h5pyd", "hdfstream", "pyfive", "remfile"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def summary(samples, natives):
    """Medians; the ratio is the median of those of pairs."""
    found = {"samples": samples}
    for name in ("seconds", "client_cpu", "server_cpu", "peak_mib", "server_mib", "requests", "bytes"):
        values = [sample[name] for sample in samples if name in sample]
        if values:
            found[name] = median(values)
    seconds = [sample["seconds"] for sample in samples]
    found["spread"] = [min(seconds), max(seconds)]
    ratios = [
        sample["seconds"] / natives[sample["repetition"]]["seconds"]
        for sample in samples
        if sample["repetition"] in natives
    ]
    if ratios:
        found["ratio"] = median(ratios)
    seen = {round(sample["seen"], 1) for sample in natives.values()}
    if seen and not {round(sample["seen"], 1) for sample in samples} <= seen:
        found["differs"] = f"it sees {samples[0]['seen']:g} where native sees {seen.pop():g}"
    return found


def markdown(found):
    """Everything, for `results.md` and the manual."""
    parts = [f"Medians of at most {found['repetitions']}; in brackets times native."]
    for trip in dict.fromkeys(row["round_trip_ms"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["round_trip_ms"] == trip]
        parts += [f"### Round trip {trip} ms" if trip else "### Direct", matrix(rows), details(rows)]
    troubles = trouble_lines(found)
    if troubles:
        parts += ["### What did not work", "\n".join(troubles)]
    if imported := found["imports into HSDS, seconds"]:
        words = ", ".join(f"{letter} {seconds:.0f} s" for letter, seconds in imported.items())
        parts.append(f"HSDS reads files only once they are imported, which is not counted: {words}.")
    return "\n\n".join(parts) + "\n"


def trouble_lines(found):
    """One line for each workload that a system could not do, except in time: that the tables show."""
    troubles = {}
    for row in found["rows"]:
        reason = row.get("differs") or (not row.get("slow") and row.get("failure"))
        if reason:
            troubles[f"- {WORKLOADS[row['workload']].title}, {SYSTEMS[row['system']].title}: {reason}"] = True
    return list(troubles)


def matrix(rows):
    there = {row["system"] for row in rows}
    systems = [system for system in SYSTEMS if system in there]
    lines = [
        "| seconds | " + " | ".join(SYSTEMS[system].title for system in systems) + " |",
        "| --- |" + " ---: |" * len(systems),
    ]
    for workload in dict.fromkeys(row["workload"] for row in rows):
        cells = {row["system"]: cell(row) for row in rows if row["workload"] == workload}
        shown = " | ".join(cells.get(system, "") for system in systems)
        lines.append(f"| {WORKLOADS[workload].title} | {shown} |")
    return "\n".join(lines)


def cell(row):
    if row.get("slow"):
        return "> " + row["failure"].removeprefix("more than ").removesuffix(" s")
    if "failure" in row:
        return "cannot"
    if "differs" in row:
        return "wrong"
    ratio = f" ({row['ratio']:.2f})" if row["system"] != "native" and "ratio" in row else ""
    return f"{seconds(row['seconds'])}{ratio}"


def seconds(value):
    """Three digits, never in powers of ten."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 0.001 else f"{value:.4f}"


def details(rows):
    lines = [
        "| workload | system | seconds, least to most | samples | requests | MB | client CPU s | server CPU s "
        "| client peak MiB | server peak MiB |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        if "seconds" in row:
            least, most = row["spread"]
            sent = f"{row['bytes'] / 1e6:.1f}" if "bytes" in row else ""
            requests = f"{row['requests']:.0f}" if "requests" in row else ""
            server_cpu = f"{row['server_cpu']:.2f}" if "server_cpu" in row else ""
            server_peak = f"{row['server_mib']:.0f}" if "server_mib" in row else ""
            lines.append(
                f"| {row['workload']} | {row['system']} | {seconds(least)} to {seconds(most)} | {len(row['samples'])} "
                f"| {requests} | {sent} | {row['client_cpu']:.2f} | {server_cpu} | {row['peak_mib']:.0f} "
                f"| {server_peak} |"
            )
    return "\n".join(lines)
