//! The two variables that make HDF5 load the plugin: for one program, or for a shell.

use std::ffi::OsString;
use std::io::ErrorKind;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::{Failure, output};

pub(super) const PLUGIN: &str = "libhdfstream_vol.so";
pub(super) const CONNECTOR: &str = "HDF5_VOL_CONNECTOR";
pub(super) const PLUGIN_PATH: &str = "HDF5_PLUGIN_PATH";

/// Run a program that may open remote files, e.g.: hdfstream run -- h5ls https://host/hdfstream/a.h5
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The program and its arguments.
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "COMMAND"
    )]
    pub(super) command: Vec<OsString>,
}

/// Becomes the program, with the plugin switched on.
pub(crate) fn exec(arguments: &Arguments) -> Result<(), Failure> {
    let [program, arguments @ ..] = arguments.command.as_slice() else {
        unreachable!("the parser insists on a program")
    };
    // Returns only when it fails.
    let error = std::process::Command::new(program)
        .args(arguments)
        .envs(variables()?)
        .exec();
    Err(Failure::Program {
        program: program.to_string_lossy().into_owned(),
        error,
    })
}

/// Prints lines for a shell to evaluate.
pub(crate) fn print() -> Result<(), Failure> {
    let mut lines = Vec::new();
    for (name, value) in variables()? {
        lines.extend_from_slice(format!("export {name}=").as_bytes());
        lines.extend(quoted(value.as_bytes()));
        lines.push(b'\n');
    }
    output::write(&lines)
}

/// The variables with their new values.
fn variables() -> Result<[(&'static str, OsString); 2], Failure> {
    let connector = connector(std::env::var_os(CONNECTOR));
    let path = search_path(&plugin_folder()?, std::env::var_os(PLUGIN_PATH))?;
    Ok([(CONNECTOR, connector), (PLUGIN_PATH, path)])
}

/// Settings that the user gave to this connector stay.
fn connector(existing: Option<OsString>) -> OsString {
    existing
        .filter(|value| value.as_bytes().split(u8::is_ascii_whitespace).next() == Some(b"hdfstream"))
        .unwrap_or_else(|| "hdfstream".into())
}

/// The plugin's folder before those that are there already, which may hold the user's filters.
pub(super) fn search_path(folder: &Path, existing: Option<OsString>) -> Result<OsString, Failure> {
    let bytes = folder.as_os_str().as_bytes();
    if bytes.contains(&b':') {
        return Err(Failure::Colon(folder.to_path_buf()));
    }
    let mut path = bytes.to_vec();
    for other in existing
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b':'))
    {
        if !other.is_empty() && other != bytes {
            path.push(b':');
            path.extend_from_slice(other);
        }
    }
    Ok(OsString::from_vec(path))
}

/// Where the plugin is: where the user says, else where `make install` puts it, else in the build
/// directory beside this executable.
pub(super) fn plugin_folder() -> Result<PathBuf, Failure> {
    let folders = match std::env::var_os("HDFSTREAM_PLUGIN_DIR") {
        Some(folder) if !folder.is_empty() => {
            vec![std::path::absolute(&folder).map_err(Failure::local(Path::new(&folder)))?]
        }
        _ => {
            let executable = std::env::current_exe().map_err(Failure::local(Path::new("hdfstream")))?;
            let bin = executable.parent().unwrap_or(Path::new("/"));
            let mut folders = Vec::new();
            if let Some(prefix) = bin.parent() {
                folders.push(prefix.join("lib/hdfstream"));
            }
            folders.push(bin.to_path_buf());
            folders
        }
    };
    for folder in &folders {
        match std::fs::metadata(folder.join(PLUGIN)) {
            Ok(_) => return Ok(folder.clone()),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(Failure::local(&folder.join(PLUGIN))(error)),
        }
    }
    let looked: Vec<_> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    Err(Failure::NoPlugin {
        looked: looked.join(" or "),
    })
}

/// A word that any POSIX shell reads back as these bytes.
pub(super) fn quoted(bytes: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/._-+:,@%=".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        return bytes.to_vec();
    }
    let mut word = vec![b'\''];
    for &byte in bytes {
        if byte == b'\'' {
            word.extend_from_slice(br"'\''");
        } else {
            word.push(byte);
        }
    }
    word.push(b'\'');
    word
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn the_plugin_comes_first_and_once() {
        let path = |existing: &str| search_path(Path::new("/opt/p"), Some(existing.into())).unwrap();
        assert_eq!(search_path(Path::new("/opt/p"), None).unwrap(), "/opt/p");
        assert_eq!(path("/a:/b"), "/opt/p:/a:/b");
        assert_eq!(path("/a:/opt/p::/b"), "/opt/p:/a:/b");
        assert!(search_path(Path::new("/opt/a:b"), None).is_err());
    }

    #[test]
    fn settings_of_the_connector_stay() {
        let value = |existing: &str| connector(Some(existing.into()));
        assert_eq!(value("hdfstream read_timeout=5"), "hdfstream read_timeout=5");
        assert_eq!(value("other"), "hdfstream");
        assert_eq!(value("hdfstreams"), "hdfstream");
        assert_eq!(connector(None), "hdfstream");
    }

    #[test]
    fn shells_read_back_what_was_quoted() {
        for text in [
            "/plain/path",
            "a b",
            "it's",
            "$HOME `x` \"y\" \\ !",
            "",
            "new\nline",
            "*~#",
        ] {
            let mut script = b"printf %s ".to_vec();
            script.extend(quoted(text.as_bytes()));
            let output = std::process::Command::new("/bin/sh")
                .arg("-c")
                .arg(OsStr::from_bytes(&script))
                .output()
                .unwrap();
            assert_eq!(output.stdout, text.as_bytes(), "{text:?}");
        }
    }
}
