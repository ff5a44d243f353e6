//! What a worker gives up before it touches a file: the file system outside the root, writing, the
//! network, new privileges, unlimited memory, and life beyond its parent's.
#![allow(unsafe_code)]

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use rlimit::Resource;

use super::Error;

/// Bytes of address space, executable and libraries included.
const MEMORY: u64 = 2 << 30;
/// Descriptors: the three standard ones, the root, the file, and some while paths are resolved.
const DESCRIPTORS: u64 = 12;

/// What the kernel granted.
pub(super) struct Confinement {
    /// For the log.
    pub(super) description: String,
    /// Whether a read outside the root was tried and refused.
    pub(super) effective: bool,
}

/// Confines this process to reading below `root`, irrevocably.
pub(super) fn confine(root: &Path) -> Result<Confinement, Error> {
    die_with_parent()?;
    limit(Resource::NOFILE, DESCRIPTORS)?;
    let description = restrict_files(root)?;
    limit(Resource::CORE, 0)?;
    limit(Resource::FSIZE, 0)?;
    limit(Resource::NPROC, 0)?;
    limit(Resource::AS, MEMORY)?;
    Ok(Confinement {
        description,
        effective: root
            .parent()
            .is_some_and(|parent| std::fs::read_dir(parent).is_err()),
    })
}

/// Lets the kernel end this process when it has used `seconds` of processor time since it started.
/// The front ends it earlier; this is for the case that the front is gone.
pub(super) fn limit_processor_time(seconds: u64) -> Result<(), Error> {
    let (_, hard) = Resource::CPU.get().map_err(refused)?;
    Resource::CPU.set(seconds.min(hard), hard).map_err(refused)
}

/// Closes whatever was inherited besides the three standard descriptors: files of the server that
/// this process has no business with. To be called before anything is opened.
pub(super) fn close_inherited() -> Result<(), Error> {
    // SAFETY: nothing in this process refers to a descriptor above 2 yet. See close_range(2).
    let result = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    // Kernels before 5.9 do not have the call.
    if result == 0 || std::io::Error::last_os_error().raw_os_error() == Some(libc::ENOSYS) {
        Ok(())
    } else {
        Err(refused(std::io::Error::last_os_error()))
    }
}

fn die_with_parent() -> Result<(), Error> {
    // SAFETY: PR_SET_PDEATHSIG takes a signal number and touches no memory of ours. See prctl(2).
    let result = unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL as libc::c_ulong, 0, 0, 0) };
    if result == 0 {
        Ok(())
    } else {
        Err(refused(std::io::Error::last_os_error()))
    }
}

/// Landlock, as much of it as the kernel has. This also sets `PR_SET_NO_NEW_PRIVS`.
fn restrict_files(root: &Path) -> Result<String, Error> {
    let abi = ABI::V6;
    let readable: BitFlags<AccessFs> = AccessFs::ReadFile | AccessFs::ReadDir;
    let root = PathFd::new(root).map_err(refused)?;
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(abi))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(abi)))
        .and_then(|rules| rules.scope(Scope::from_all(abi)))
        .and_then(Ruleset::create)
        .and_then(|rules| rules.add_rule(PathBeneath::new(root, readable)))
        .and_then(landlock::RulesetCreated::restrict_self)
        .map_err(refused)?;
    Ok(match status.ruleset {
        RulesetStatus::FullyEnforced => "Landlock: files below the root only, no network".into(),
        RulesetStatus::PartiallyEnforced => {
            format!("Landlock, in part: {:?}", status.landlock)
        }
        RulesetStatus::NotEnforced => "no Landlock in this kernel".into(),
    })
}

fn limit(resource: Resource, value: u64) -> Result<(), Error> {
    resource.set(value, value).map_err(refused)
}

fn refused(error: impl std::fmt::Display) -> Error {
    Error::Confine(error.to_string())
}
