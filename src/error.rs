//! What can go wrong, in words for the person in front of the program.
//!
//! Every message is one sentence that names the file and the server, says what happened, and what to do.
//! None ever holds a secret.

/// Why a remote name, file or directory could not be used.
///
/// `url` is the canonical URL of what was asked for, `server` the scheme and authority it lives on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that looks remote but cannot be one.
    #[error("{name:?} is not a usable remote name: {reason}")]
    InvalidName {
        /// The name, without any user information it may have held.
        name: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// A setting that cannot be understood.
    #[error("setting {key}: {reason}")]
    Setting {
        /// Environment variable or key of the connector info string.
        key: String,
        /// What is wrong and what to write instead.
        reason: String,
    },
    /// The settings file cannot be read or understood.
    #[error(
        "the settings file {}{}: {reason}; mend it, or set HDFSTREAM_CONFIG to another",
        path.display(),
        if *line == 0 { String::new() } else { format!(", line {line}") }
    )]
    SettingsFile {
        /// The file.
        path: std::path::PathBuf,
        /// Line that is wrong, counted from 1; 0 when it is the file as a whole.
        line: u64,
        /// Key, what is wrong and what to write instead.
        reason: String,
    },
    /// There is no such file or directory.
    #[error("{url}: {server} has no such file or directory; check the path, for example with 'hdfstream ls'")]
    NotFound {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// A directory was named where a file is needed.
    #[error(
        "{url}: this is a directory on {server}, not a file; name a file below it, or end the name with a slash to look into the directory"
    )]
    IsDirectory {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The server does not allow this.
    #[error("{url}: {server} refuses access: {reason}")]
    Forbidden {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// Credentials are missing, wrong, or were withheld.
    #[error("{url}: {server} wants a valid login: {reason}")]
    Unauthorized {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// What was or was not sent, and what to set.
        reason: String,
    },
    /// A place where logins are kept cannot be used.
    #[error("{place}: {reason}")]
    LoginStore {
        /// The keyring, or a file.
        place: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The file or the server cannot be written.
    #[error("{url}: {server} serves this read-only; open it for reading")]
    ReadOnly {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The file is there already.
    #[error("{url}: this exists already on {server}")]
    Exists {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// Somebody else is writing the file.
    #[error("{url}: the file is locked by another writer on {server}; try again when it is done")]
    Locked {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The server's disk is full.
    #[error("{url}: {server} has no space left")]
    NoSpace {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The file was replaced or written while it was open here.
    #[error("{url}: the file changed on {server} while it was open; close it and open it again")]
    Changed {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The right to write the file was lost before it was committed.
    #[error(
        "{url}: {server} no longer keeps this file for us to write, because it heard nothing from us for too long or \
             somebody removed it; close it and open it again"
    )]
    LeaseLost {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The server has too much to do.
    #[error("{url}: {server} is too busy and stayed so through {attempts} attempts; try again later")]
    Busy {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// Requests made.
        attempts: u32,
    },
    /// The server calls the request malformed or too large.
    #[error("{url}: {server} rejects the request: {reason}")]
    Rejected {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// Something broke on the server.
    #[error("{url}: {server} failed: {reason}; its log says more")]
    ServerFailed {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// The server's words.
        reason: String,
    },
    /// The host name does not resolve.
    #[error("{url}: there is no host named {host} ({reason}); check the name and the network")]
    UnknownHost {
        /// What was asked for.
        url: String,
        /// The name that does not resolve.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// Nobody listens there.
    #[error("{url}: {server} refused the connection; check that the server runs and that the port is right")]
    Refused {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// The server did not answer in time.
    #[error("{url}: {server} did not answer within {seconds} s ({phase}); try again, or allow more time")]
    TimedOut {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// The limit that ran out.
        seconds: u64,
        /// What was being waited for, and the setting that governs it.
        phase: &'static str,
    },
    /// The connection ended before an answer was whole.
    #[error("{url}: the connection to {server} was cut {reason}; the server may have stopped: try again")]
    Cut {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// What was noticed.
        reason: String,
    },
    /// The encrypted connection could not be made.
    #[error("{url}: no encrypted connection to {server}: {reason}")]
    Tls {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// What is wrong and what to set.
        reason: String,
    },
    /// The proxy on the way does not lead there.
    #[error("{url}: the way to {server} leads through the proxy {proxy}, which failed: {reason}")]
    Proxy {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// Its address without login, and the setting that names it.
        proxy: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Something answers, but it is no hdfstream server.
    #[error(
        "{url}: {server} answered (HTTP status {status}), but not as an hdfstream server does; \
             check host, port and path"
    )]
    NotHdfstream {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// HTTP status of the first answer.
        status: u16,
    },
    /// The server gives the objects of files and not their bytes.
    #[error(
        "{url}: {server} speaks only the older hdfstream protocol, by which this cannot be had; open the file or \
             directory itself, with HDF5_VOL_CONNECTOR=hdfstream"
    )]
    OlderProtocol {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
    },
    /// Nothing was asked, as the user wants, and what is needed is not on this machine.
    #[error(
        "{url}: {what}, and {server} is not asked, because hdfstream is offline (setting offline, HDFSTREAM_OFFLINE); \
             do this once with the server, which keeps it for the next time"
    )]
    Offline {
        /// What was asked for.
        url: String,
        /// Who would have been asked.
        server: String,
        /// What is not here.
        what: String,
    },
    /// The server wants the client to go elsewhere.
    #[error("{url}: {server} redirects to {location}, which is not followed; use that address instead")]
    Redirected {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// Where it points.
        location: String,
    },
    /// The answer makes no sense.
    #[error("{url}: the answer of {server} makes no sense ({reason}); is this an hdfstream server?")]
    Garbage {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// What was found.
        reason: String,
    },
    /// Any other trouble of the network.
    #[error("{url}: no connection to {server}: {reason}; check the network")]
    Network {
        /// What was asked for.
        url: String,
        /// Who was asked.
        server: String,
        /// What the system says.
        reason: String,
    },
    /// What was written could not be brought to the server, and is kept on this machine.
    #[error(
        "{error}; what was written and not saved is kept in {}: 'hdfstream recover' lists it, sends it again or drops it",
        file.display()
    )]
    Kept {
        /// Why it could not.
        error: Box<Error>,
        /// The recovery file.
        file: std::path::PathBuf,
    },
    /// What was written is neither on the server nor on this machine's disk.
    #[error("{error}; and what was written and not saved cannot be kept on this machine: {reason}")]
    Unsaved {
        /// Why it is not on the server.
        error: Box<Error>,
        /// Why it is not on the disk.
        reason: String,
    },
    /// The file was opened for writing by the process that this one was forked from.
    #[error(
        "{url}: this was opened for writing before this process was forked from another, and only that one can write \
             it; open the file here, when the other has closed it"
    )]
    Forked {
        /// What was opened.
        url: String,
    },
    /// The file is closed.
    #[error("{url}: this is closed already")]
    Closed {
        /// What was opened.
        url: String,
    },
    /// What is written does not fit in memory and cannot be put on the disk either.
    #[error(
        "{url}: what was written cannot be kept until it is saved: {reason}; make room in the folder for temporary \
             files (TMPDIR), or set write_memory higher"
    )]
    Spill {
        /// What is being written.
        url: String,
        /// What the system says.
        reason: String,
        /// Whether the disk is full.
        full: bool,
    },
    /// A recovery file, or the folder for them, cannot be read or written.
    #[error("{}: {reason}", path.display())]
    Recovery {
        /// Which.
        path: std::path::PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// This process cannot do network input and output.
    #[error("hdfstream cannot start its network threads: {reason}")]
    Engine {
        /// What the system says.
        reason: String,
    },
}

impl Error {
    /// The errno that a C program or h5py sees for this; numbers as on Linux.
    #[must_use]
    pub fn errno(&self) -> i32 {
        match self {
            Self::NotFound { .. } => 2,
            Self::Locked { .. } => 11,
            Self::Forbidden { .. } | Self::Unauthorized { .. } | Self::LoginStore { .. } => 13,
            Self::Exists { .. } => 17,
            Self::IsDirectory { .. } => 21,
            Self::InvalidName { .. } | Self::Setting { .. } | Self::SettingsFile { .. } => 22,
            Self::NoSpace { .. } | Self::Spill { full: true, .. } => 28,
            Self::ReadOnly { .. } => 30,
            // The network is down.
            Self::Offline { .. } => 100,
            Self::TimedOut { .. } => 110,
            Self::Refused { .. } => 111,
            Self::Kept { error, .. } | Self::Unsaved { error, .. } => error.errno(),
            Self::Closed { .. } => 9,
            Self::Changed { .. } | Self::LeaseLost { .. } => 116,
            _ => 5,
        }
    }
}
