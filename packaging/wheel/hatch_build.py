"""The wheel's tag: any Python 3, on systems whose C library has the symbols that the binaries ask for."""

import re
import subprocess
import sysconfig

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

BINARIES = ["bin/hdfstream", "lib/libhdfstream_vol.so"]
# What PEP 600 counts on everywhere; another library would have to come with the wheel.
EVERYWHERE = re.compile(r"(libc|libm|libdl|libpthread|librt|libgcc_s)\.so\.\d+|ld-linux.*\.so\.\d+")
# The oldest that PEP 600 gives a name to with all its symbols.
OLDEST_GLIBC = (2, 17)


def glibc_needed(binary):
    """Newest version of glibc's symbols that a binary uses; refuses one that needs other libraries."""
    shown = subprocess.run(
        ["readelf", "--wide", "--dynamic", "--version-info", binary], check=True, capture_output=True, text=True
    ).stdout
    for library in re.findall(r"\(NEEDED\).*\[(.*)\]", shown):
        if not EVERYWHERE.fullmatch(library):
            raise RuntimeError(f"{binary} needs {library}, which not every Linux has: no wheel can be made of it")
    versions = re.findall(r"Name: GLIBC_(\d+)\.(\d+)", shown)
    if not versions:
        raise RuntimeError(f"{binary} names no version of glibc: no wheel can be made of it")
    return max((int(major), int(minor)) for major, minor in versions)


class Tag(BuildHookInterface):
    """Called by hatchling."""

    def initialize(self, version, build_data):
        """Set the tag."""
        major, minor = max([OLDEST_GLIBC] + [glibc_needed(binary) for binary in BINARIES])
        machine = sysconfig.get_platform().partition("-")[2].replace("-", "_")
        build_data["tag"] = f"py3-none-manylinux_{major}_{minor}_{machine}"
