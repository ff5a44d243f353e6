//! Why a command failed, in words.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use hdfstream::UploadError;

/// What is printed after `hdfstream: `.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The core library says why.
    #[error(transparent)]
    Remote(#[from] hdfstream::Error),
    /// The name given is that of a local file.
    #[error(
        "{0}: not a remote name; expected something like https://host/hdfstream/directory/file.h5, or an alias \
         ('hdfstream alias' lists them)"
    )]
    NotRemote(String),
    /// A local file cannot be read or written.
    #[error("{path}: {error}")]
    Local {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The program of `run` cannot be started.
    #[error("cannot run {program}: {error}")]
    Program {
        /// Its name as given.
        program: String,
        /// Why.
        error: std::io::Error,
    },
    /// The plugin is nowhere.
    #[error(
        "the plugin libhdfstream_vol.so is not in {looked}; \
         install hdfstream again, or name the plugin's folder in HDFSTREAM_PLUGIN_DIR"
    )]
    NoPlugin {
        /// The folders where it could have been.
        looked: String,
    },
    /// HDF5 separates folders with a colon and knows no way to quote it.
    #[error("the plugin's folder {0} has a colon in its name, which HDF5_PLUGIN_PATH cannot express")]
    Colon(PathBuf),
    /// A file of the user's is in the way.
    #[error("{0} exists and is not a stub; it stays as it is (--force replaces it)")]
    InTheWay(PathBuf),
    /// A server's answer must not choose where files are written.
    #[error("the server lists {name:?} in {directory}, which cannot be the name of a file")]
    BadName {
        /// The name it gave.
        name: String,
        /// URL of the directory.
        directory: String,
    },
    /// Directories below directories, without end.
    #[error("{0}: the directories of this server go deeper than can be followed")]
    TooDeep(String),
    /// Only files are fetched unless asked otherwise.
    #[error("{0}: this is a directory; -r fetches it with everything below it")]
    IsDirectory(String),
    /// Several files cannot be fetched to one.
    #[error("{0}: several files can be fetched only to a directory that is there")]
    NotADirectory(PathBuf),
    /// A local file is in the way of a remote one.
    #[error(
        "{0} exists already and is another file than the remote one; it stays as it is (--force replaces it)"
    )]
    Exists(PathBuf),
    /// The core library says why a file did not arrive.
    #[error(transparent)]
    Download(#[from] hdfstream::DownloadError),
    /// Some files did not arrive; each has been told.
    #[error("{failed} of {of} files were not fetched")]
    NotAll {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// A user without a home has no settings file.
    #[error(
        "there is no place for a settings file, as there is no home directory; set HDFSTREAM_CONFIG to one"
    )]
    NoSettingsFile,
    /// The settings file is written in a way that is not edited here.
    #[error("{path}: the way this file is written it must be edited by hand: {what}\n{lines}")]
    EditByHand {
        /// The file.
        path: PathBuf,
        /// What to do there.
        what: &'static str,
        /// With which lines.
        lines: String,
    },
    /// What was to be an alias cannot be one.
    #[error("{0:?} cannot be an alias: use letters, digits, dots, dashes and underscores")]
    BadAlias(String),
    /// There is such an alias.
    #[error("the alias {name} exists and is {url}; 'hdfstream alias remove {name}' removes it")]
    AliasExists {
        /// The alias.
        name: String,
        /// What it stands for.
        url: String,
    },
    /// There is no such alias.
    #[error("there is no alias {0}; 'hdfstream alias' shows all")]
    NoAlias(String),
    /// A server that is to be named did not answer.
    #[error("{0} (--offline adds the alias all the same)")]
    Unanswered(Box<hdfstream::Error>),
    /// Nobody to ask.
    #[error("standard input is no terminal, so nobody can be asked; {0}")]
    NoTerminal(&'static str),
    /// The answer cannot be read.
    #[error("the answer cannot be read: {0}")]
    Prompt(std::io::Error),
    /// An empty answer.
    #[error("nothing was given; nothing is changed")]
    NothingGiven,
    /// A server that knows nobody.
    #[error("{0}: this server did not say who you are: it has no accounts, and needs no login")]
    NoAccounts(String),
    /// There is no login to forget.
    #[error("{0}: no login is kept for this server")]
    NotLoggedIn(String),
    /// There is nothing to refresh.
    #[error("{0}: there is no stub here; make one with 'hdfstream stub NAME PATH'")]
    NoStub(PathBuf),
    /// The core library says why a file was not stored.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// Some files were not stored; each has been told.
    #[error("{failed} of {of} files were not stored")]
    NotStored {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// Only files are stored unless asked otherwise.
    #[error("{0}: this is a directory; -r stores it with everything below it")]
    LocalDirectory(PathBuf),
    /// Only files are removed unless asked otherwise.
    #[error("{0}: this is a directory; -r removes it with everything below it")]
    RemoteDirectory(String),
    /// Several files cannot be stored as one.
    #[error("{0}: several files can be stored only in a directory that is there; end its name with a slash")]
    NotARemoteDirectory(String),
    /// A stub is no file of its own.
    #[error("{path}: this is a stub, which only stands for {url}; nothing is stored")]
    IsStub {
        /// Which.
        path: PathBuf,
        /// What it stands for.
        url: String,
    },
    /// Neither a file nor a directory, or with a name that no server can have.
    #[error("{0}: {1}, and cannot be stored")]
    NotStorable(PathBuf, &'static str),
    /// A stub is moved with its file to where another file is.
    #[error("{0}: another file is there already (--force replaces it)")]
    MoveInTheWay(PathBuf),
    /// Some recovery files could not be sent or dropped; each has been told.
    #[error("{failed} of {of} recovery files are left as they were")]
    NotRecovered {
        /// How many.
        failed: usize,
        /// Of how many.
        of: usize,
    },
    /// `doctor` found what does not work, and has said it.
    #[error("{0} of the checks failed")]
    Unwell(usize),
    /// Standard output is full, or broken.
    #[error("cannot write the output: {0}")]
    Output(std::io::Error),
}

impl Failure {
    /// What the program ends with.
    pub(crate) fn status(&self) -> ExitCode {
        match self {
            // As shells have it.
            Self::Upload(UploadError::Interrupted(_)) => ExitCode::from(130),
            _ => ExitCode::FAILURE,
        }
    }

    /// For `map_err` of operations on `path`.
    pub(crate) fn local(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::Local { path, error }
    }
}
