//! The plugin, and the variables by which HDF5 finds it. Whatever keeps every HDF5 program from starting is
//! said first.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use hdfstream::Settings;

use super::report::Finding;
use super::{library, remedy};
use crate::cli::environment::{self as switch, CONNECTOR, PLUGIN, PLUGIN_PATH};

const THIS: &str = env!("CARGO_PKG_VERSION");
const NO_PLUGINS: &str = "HDF5_PLUGIN_PRELOAD";
const DRIVER: &str = "HDF5_DRIVER";

/// The variables of HDF5, as the user has them.
#[derive(Debug, Default)]
pub(super) struct Variables {
    connector: Option<String>,
    folders: Option<Vec<PathBuf>>,
    preload: Option<String>,
    driver: Option<String>,
}

impl Variables {
    pub(super) fn read() -> Self {
        let text = |name| {
            let value = std::env::var_os(name).filter(|value: &OsString| !value.is_empty())?;
            Some(value.to_string_lossy().into_owned())
        };
        let folders = |value: OsString| {
            let folders = value.as_bytes().split(|&byte| byte == b':');
            folders
                .filter(|folder| !folder.is_empty())
                .map(|folder| PathBuf::from(OsString::from_vec(folder.to_vec())))
                .collect()
        };
        Self {
            connector: text(CONNECTOR),
            folders: std::env::var_os(PLUGIN_PATH).map(folders),
            preload: text(NO_PLUGINS),
            driver: text(DRIVER),
        }
    }

    /// Name of the connector, without its settings, which may hold a password.
    fn connector(&self) -> Option<&str> {
        self.connector.as_deref()?.split_whitespace().next()
    }

    /// The settings behind the name of the connector.
    fn info(&self) -> Option<&str> {
        let (_, info) = self
            .connector
            .as_deref()?
            .trim()
            .split_once(char::is_whitespace)?;
        Some(info)
    }

    /// The settings that programs started from here have, with those behind the connector's name.
    pub(super) fn complete(&self, settings: Settings) -> Settings {
        match self.is_ours() {
            true => Settings::load(self.info()).unwrap_or(settings),
            false => settings,
        }
    }

    fn is_ours(&self) -> bool {
        self.connector() == Some("hdfstream")
    }

    /// All plugins of ours that HDF5 can find, in its order.
    fn plugins(&self) -> Vec<PathBuf> {
        let folders = self.folders.iter().flatten();
        folders.flat_map(|folder| plugins_in(folder)).collect()
    }
}

/// HDF5 looks at whatever is named like a library; a second version may lie there under another name.
fn plugins_in(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let entries = entries.flatten().map(|entry| entry.path());
    let mut found: Vec<_> = entries
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("lib")
                && name.contains("hdfstream_vol")
                && name.contains(".so")
                && path.is_file()
        })
        .collect();
    found.sort_by_key(|path| path.file_name() != Some(PLUGIN.as_ref()));
    found
}

/// The folder of a plugin that programs can be tried with, and what is to be said.
pub(super) fn check(variables: &Variables, settings: Option<&Settings>) -> (Option<PathBuf>, Vec<Finding>) {
    let own = switch::plugin_folder();
    let found = variables.plugins();
    let mut findings = Vec::new();
    if variables.is_ours() {
        findings.extend(unloadable(variables, found.first(), own.is_ok()));
    }
    findings.push(match &own {
        Ok(folder) => plugin(&folder.join(PLUGIN)),
        Err(failure) => {
            let finding = Finding::fail("plugin", failure.to_string());
            match std::env::var_os("HDFSTREAM_PLUGIN_DIR") {
                Some(_) => finding.mend("unset HDFSTREAM_PLUGIN_DIR"),
                None => finding,
            }
        }
    });
    findings.extend(switched_on(variables, &found, settings));
    findings.extend(folders(variables, &found, own.as_deref().ok()));
    findings.extend(driver(variables));
    let first = found
        .first()
        .and_then(|plugin| plugin.parent().map(Path::to_path_buf));
    (own.ok().or(first), findings)
}

/// What makes HDF5 fail in every program: the connector is named, and cannot be loaded.
fn unloadable(variables: &Variables, found: Option<&PathBuf>, own: bool) -> Option<Finding> {
    let harm = "HDF5 then starts with errors, and h5py and others crash at the first file that they open, local \
                ones too";
    if found.is_none() {
        let why = match &variables.folders {
            None => format!("{PLUGIN_PATH} is not set"),
            Some(folders) => {
                let folders: Vec<_> = folders.iter().map(|it| it.display().to_string()).collect();
                format!(
                    "{PLUGIN} is in no folder of {PLUGIN_PATH} ({})",
                    folders.join(":")
                )
            }
        };
        let finding = Finding::fail(CONNECTOR, format!("it is hdfstream, but {why}: {harm}"));
        return Some(match own {
            true => finding.mend(remedy::switch_on()),
            false => finding.mend(format!("unset {CONNECTOR}")),
        });
    }
    (variables.preload.as_deref() == Some("::")).then(|| {
        let message = format!("it is '::', which forbids all plugins, while {CONNECTOR} wants one: {harm}");
        Finding::fail(NO_PLUGINS, message).mend(format!("unset {NO_PLUGINS}"))
    })
}

/// The plugin that belongs to this tool.
fn plugin(path: &Path) -> Finding {
    let shown = path.display();
    match library::loaded(path) {
        Ok(loaded) if !loaded.missing.is_empty() => {
            let missing = loaded.missing.join("; ");
            let message = format!("{shown} cannot be loaded on this system: {missing}");
            return Finding::fail("plugin", message);
        }
        Ok(loaded) if !loaded.dynamic => {
            let message = format!("{shown} is no library that this system can load; install hdfstream again");
            return Finding::fail("plugin", message);
        }
        // Programs will show whether it loads.
        _ => {}
    }
    match library::plugin_version(path) {
        Some(version) if version == THIS => Finding::ok("plugin", format!("{shown}, version {version}")),
        Some(version) => Finding::warn(
            "plugin",
            format!("{shown} is of version {version}, this tool of {THIS}; install both from one release"),
        ),
        None => Finding::fail(
            "plugin",
            format!("{shown} is not the plugin of hdfstream {THIS}; install hdfstream again"),
        ),
    }
}

/// Whether programs that are started from here use the plugin.
fn switched_on(variables: &Variables, found: &[PathBuf], settings: Option<&Settings>) -> Option<Finding> {
    match variables.connector() {
        Some("hdfstream") => {
            // Without settings something else is wrong, which is said elsewhere.
            let mistake = settings.and_then(|_| Settings::load(variables.info()).err());
            match mistake {
                Some(error) => Some(
                    Finding::fail(CONNECTOR, format!("of what it says after hdfstream: {error}"))
                        .mend(format!("export {CONNECTOR}=hdfstream")),
                ),
                // Said already.
                None if found.is_empty() => None,
                None => Some(Finding::ok(
                    CONNECTOR,
                    "hdfstream: programs started from here open remote files",
                )),
            }
        }
        Some(other) => Some(
            Finding::warn(
                CONNECTOR,
                format!("it is {other}, so that programs started from here use that connector instead"),
            )
            .mend(remedy::switch_on()),
        ),
        None if found.is_empty() => Some(
            Finding::warn(
                CONNECTOR,
                format!(
                    "neither it nor {PLUGIN_PATH} is set for hdfstream: programs started from here know no remote \
                     files, except with 'hdfstream run' and in a Python that has the package hdfstream-vol"
                ),
            )
            .mend(remedy::switch_on()),
        ),
        None => Some(Finding::ok(
            CONNECTOR,
            format!(
                "not set; by {PLUGIN_PATH} alone programs started from here open remote files, with more requests"
            ),
        )),
    }
}

/// What the search path holds.
fn folders(variables: &Variables, found: &[PathBuf], own: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for folder in variables.folders.iter().flatten() {
        if let Err(error) = std::fs::read_dir(folder) {
            let message = format!("its folder {} cannot be read: {error}", folder.display());
            findings.push(Finding::warn(PLUGIN_PATH, message));
        }
    }
    let Some((first, others)) = found.split_first() else {
        return findings;
    };
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    for other in others.iter().filter(|other| real(other) != real(first)) {
        let message = format!(
            "it has two plugins; HDF5 takes {}, not {}",
            described(first),
            described(other)
        );
        findings.push(Finding::warn(PLUGIN_PATH, message).mend(remedy::switch_on()));
    }
    if let Some(own) = own.map(|folder| folder.join(PLUGIN))
        && real(&own) != real(first)
    {
        let (theirs, ours) = (described(first), described(&own));
        findings.push(if library::plugin_version(first).as_deref() == Some(THIS) {
            Finding::ok(PLUGIN_PATH, format!("HDF5 takes {theirs}, not {ours}"))
        } else {
            let message = format!("HDF5 takes {theirs}, which does not belong to this tool ({ours} does)");
            Finding::warn(PLUGIN_PATH, message).mend(remedy::switch_on())
        });
    }
    findings
}

fn described(plugin: &Path) -> String {
    let version = library::plugin_version(plugin).unwrap_or_else(|| "unknown".to_owned());
    format!("{} (version {version})", plugin.display())
}

/// Other variables of HDF5 that keep remote files from being opened.
fn driver(variables: &Variables) -> Vec<Finding> {
    let mut findings = Vec::new();
    if variables.preload.as_deref() == Some("::") && !variables.is_ours() {
        let message = "it is '::', which forbids all plugins";
        findings.push(Finding::fail(NO_PLUGINS, message).mend(format!("unset {NO_PLUGINS}")));
    }
    let plain = ["sec2", "stdio", "core"];
    if let Some(name) = variables
        .driver
        .as_deref()
        .filter(|driver| !plain.iter().any(|it| driver.eq_ignore_ascii_case(it)))
    {
        let message = format!("it is {name}: all names go to that driver, remote ones too");
        findings.push(Finding::warn(DRIVER, message).mend(format!("unset {DRIVER}")));
    }
    findings
}
