//! Python interpreters, and their packages that carry HDF5.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

use super::library::Version;
use super::probe::{self, Probe};
use super::programs::{self, Reason};
use super::report::Finding;
use super::{remedy, search};

/// Packages that carry HDF5; pip knows them by the names of their modules.
const PACKAGES: [&str; 3] = ["h5py", "tables", "netCDF4"];
/// Most interpreters on the PATH that are looked at.
const MOST: usize = 12;

/// Who an interpreter is, and which modules it could import. Nothing is imported: that may crash.
const IDENTITY: &str = r"
import importlib.util, json, os, sys
def found(name):
    try:
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
print(json.dumps({
    'prefix': sys.prefix,
    'modules': [name for name in sys.argv[1:] if found(name)],
    'always_on': os.environ.get('HDF5_VOL_CONNECTOR', '').split()[:1] == ['hdfstream'],
}))
";

/// Says which HDF5 a module carries, then opens a file with it.
const TRIAL: &str = r"
import importlib, json, os, sys
name, file = sys.argv[1:]
module = importlib.import_module(name)
version, open_ = {
    'h5py': lambda: (module.version.hdf5_version, module.File),
    'tables': lambda: (module.hdf5_version, module.open_file),
    'netCDF4': lambda: (module.__hdf5libversion__, module.Dataset),
}[name]()
library = ''
try:
    for line in open('/proc/self/maps'):
        path = line.rstrip('\n').partition('/')
        base = os.path.basename(path[2])
        if base.startswith('libhdf5') and not any(part in base for part in ('_hl', '_cpp', '_fortran')):
            library = '/' + path[2]
except OSError:
    pass
print(json.dumps({'version': version, 'library': library}), flush=True)
open_(file, 'r')
";

#[derive(Debug, serde::Deserialize)]
struct Identity {
    prefix: String,
    modules: Vec<String>,
    /// Whether a package of ours switches the plugin on whenever it starts.
    always_on: bool,
}

#[derive(Debug, serde::Deserialize)]
struct Carried {
    version: String,
    library: String,
}

/// Whether a program is an interpreter, by its name.
pub(super) fn is_python(path: &Path) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        .is_some_and(is_name)
}

fn is_name(name: &str) -> bool {
    let version = |text: &str| text.chars().all(|it| it.is_ascii_digit() || it == '.');
    name.strip_prefix("python").is_some_and(version)
}

/// The interpreters on the PATH, each environment once.
pub(super) fn on_path(probe: &Probe, end: Instant) -> Vec<Finding> {
    let paths = search::names(is_name)
        .into_iter()
        .filter_map(|name| search::on_path(&name));
    let mut seen = BTreeSet::new();
    let mut tasks: Vec<Box<dyn FnOnce() -> Vec<Finding> + Send + '_>> = Vec::new();
    for path in paths.take(MOST) {
        // One that does not answer is somebody else's trouble.
        if let Ok(identity) = identify(probe, &path, end)
            && seen.insert(identity.prefix.clone())
        {
            tasks.push(Box::new(move || {
                modules(probe, &path, &identity, Reason::Found, end)
            }));
        }
    }
    programs::all(tasks)
}

/// An interpreter that the user names.
pub(super) fn named(probe: &Probe, path: &Path, end: Instant) -> Vec<Finding> {
    let shown = path.display().to_string();
    match identify(probe, path, end) {
        Err(why) => vec![Finding::fail(shown, why)],
        Ok(identity) if identity.modules.is_empty() => {
            let install = format!("{} -m pip install h5py", remedy::word(path));
            vec![Finding::warn(shown, "it has none of h5py, tables (PyTables) and netCDF4").mend(install)]
        }
        Ok(identity) => modules(probe, path, &identity, Reason::Named, end),
    }
}

fn identify(probe: &Probe, path: &Path, end: Instant) -> Result<Identity, String> {
    let mut command = probe.plain(path);
    command.args(["-c", IDENTITY]);
    command.args(PACKAGES);
    let outcome = probe::run(&mut command, end).map_err(|error| format!("it cannot be run: {error}"))?;
    serde_json::from_str(&outcome.stdout)
        .map_err(|_| format!("it does not answer as Python does: it {}", outcome.ending()))
}

fn modules(probe: &Probe, python: &Path, identity: &Identity, reason: Reason, end: Instant) -> Vec<Finding> {
    identity
        .modules
        .iter()
        .map(|module| trial(probe, python, module, reason, end))
        .map(|finding| match identity.always_on {
            true => {
                finding.add("; the package hdfstream-vol switches the plugin on whenever this Python starts")
            }
            false => finding,
        })
        .collect()
}

/// Tries a module.
fn trial(probe: &Probe, python: &Path, module: &str, reason: Reason, end: Instant) -> Finding {
    let subject = format!("{module} of {}", python.display());
    let attempt = |mut command: std::process::Command| {
        command.args(["-c", TRIAL, module]).arg(probe.file());
        probe::run(&mut command, end)
    };
    let with_plugin = match attempt(probe.switched_on(python)) {
        Ok(outcome) => outcome,
        Err(error) => return Finding::fail(subject, format!("it cannot be run: {error}")),
    };
    let carried = |text: &str| serde_json::from_str::<Carried>(text.lines().next()?).ok();
    // A plugin that HDF5 cannot load may keep the module from being imported at all.
    let carried =
        carried(&with_plugin.stdout).or_else(|| carried(&attempt(probe.plain(python)).ok()?.stdout));
    let Some(carried) = carried else {
        let how = match probe::judge(&with_plugin) {
            probe::Verdict::Fails(how) => how,
            _ => with_plugin.ending(),
        };
        let message = format!("it cannot be imported, with the plugin or without: it {how}");
        return Finding::warn(subject, message);
    };
    let place = match carried.library.as_str() {
        "" => String::new(),
        library => format!(" ({library})"),
    };
    let has = format!("HDF5 {}{place}", carried.version);
    let upgrade = format!("{} -m pip install --upgrade {module}", remedy::word(python));
    if let Some(version) = Version::parse(&carried.version)
        && let Some(finding) = programs::too_old(&subject, &has, &version, reason)
    {
        return finding.mend(upgrade);
    }
    if !probe.has_plugin() {
        return Finding::ok(
            subject,
            format!("{has}, new enough for the plugin; it was not tried"),
        );
    }
    programs::verdict_on(&subject, &has, probe::judge(&with_plugin))
}
