"""Tells HDF5 where the plugin is, through its two environment variables.

Runs at every start of Python, from hdfstream_vol.pth: it imports nothing that is not loaded already,
looks at one file, prints nothing.
"""

import os

CONNECTOR = "HDF5_VOL_CONNECTOR"
PLUGIN_PATH = "HDF5_PLUGIN_PATH"


def plugin_folder():
    """Folder of the plugin, or None if it was not installed with this module."""
    here = os.path.dirname(__file__)
    # PREFIX/lib/python3.x/site-packages, where lib may be lib64; or PREFIX itself, with `--target PREFIX`.
    for prefix in (os.path.dirname(os.path.dirname(os.path.dirname(here))), here):
        folder = os.path.join(prefix, "lib", "hdfstream")
        if os.path.exists(os.path.join(folder, "libhdfstream_vol.so")):
            return folder
    return None


def switch_on():
    """Set the variables, for this process and its children. Return whether anything changed.

    A connector that the user chose stays, also an empty one or ``native``; then nothing changes.
    Folders that the user added to the path, for filters perhaps, stay behind the plugin's.
    """
    connector = os.environ.get(CONNECTOR)
    if connector is not None and connector.split()[:1] != ["hdfstream"]:
        return False
    folder = plugin_folder()
    # HDF5 separates folders with a colon and knows no way to quote it.
    if folder is None or ":" in folder:
        return False
    before = os.environ.get(PLUGIN_PATH, "")
    others = [other for other in before.split(":") if other and other != folder]
    path = ":".join([folder] + others)
    if connector is not None and path == before:
        return False
    os.environ[PLUGIN_PATH] = path
    os.environ.setdefault(CONNECTOR, "hdfstream")
    return True
