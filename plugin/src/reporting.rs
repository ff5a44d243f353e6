//! What the plugin says on stderr when the user asks for it: the log (`HDFSTREAM_LOG`) and, when the program
//! ends, its counters (`HDFSTREAM_STATS=1`). Without those nothing is installed in the host program.

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
