//! What the plugin says on stderr: when the user asks for it the log (`HDFSTREAM_LOG`) and, when the program
//! ends, its counters (`HDFSTREAM_STATS=1`), without which nothing is installed in the host program; a
//! mistake in the settings file, once, when it may be the reason why a file does not open; and what could not be saved
//! at the program's end.

use std::path::Path;
use std::sync::Once;

use hdfstream::Settings;

static ONCE: Once = Once::new();

/// Reads the settings, once, when HDF5 loads the plugin. A setting that cannot be understood is reported
/// later, by the first remote file.
pub(crate) fn start() {
    ONCE.call_once(|| {
        let settings = Settings::at_start();
        if let Some(level) = settings.log
            && log::set_logger(&Stderr).is_ok()
        {
            log::set_max_level(level);
        }
        if settings.stats {
            // SAFETY: the function is never unloaded (`-z nodelete`) and does not panic: a closed stderr is
            // ignored.
            unsafe { libc::atexit(print_counters) };
        }
    });
}

/// Called when the local file `name` did not open. It may have been meant to be remote: the settings file,
/// which would tell, cannot be understood. HDF5's own error stays as it is, since programs act on it.
pub(crate) fn local_open_failed(name: &str) {
    static TOLD: Once = Once::new();
    // A path into an existing directory is an ordinary mistake, or a file about to be created.
    let folder = Path::new(name).parent();
    if !name.contains(':') && folder.is_none_or(Path::exists) {
        return;
    }
    if let Some(problem) = hdfstream::name::settings_problem(name) {
        TOLD.call_once(|| {
            use std::io::Write;
            let _ = writeln!(
                std::io::stderr(),
                "hdfstream: aliases and mounts are not known, so {name} is taken for a local file: {problem}"
            );
        });
    }
}

/// Called when the program ends and what it wrote could not be saved: HDF5 closes files that were left open after the
/// program has looked at its last error.
pub(crate) fn not_saved(error: &hdfstream::Error) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "hdfstream: {error}");
}

extern "C" fn print_counters() {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{}", hdfstream::stats::json());
}

/// The plugin's own `log` facade is private to it: host programs in Rust keep theirs.
struct Stderr;

impl log::Log for Stderr {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target().starts_with("hdfstream")
    }

    fn log(&self, record: &log::Record<'_>) {
        use std::io::Write;
        if self.enabled(record.metadata()) {
            let _ = writeln!(
                std::io::stderr(),
                "hdfstream {}: {}",
                record.level(),
                record.args()
            );
        }
    }

    fn flush(&self) {}
}
