//! The HDF5 plugin: a VOL connector and a file driver with which unmodified programs open remote files.
//!
//! `host` finds the libhdf5 that loaded us, `native_class` clones its native connector and replaces
//! the slots that `file`, `dataset` and `writing` implement, `vfd` is the driver that reads and writes remote bytes.
//! All of the C boundary is in this crate; what lies behind it is the safe crate `hdfstream`.
#![allow(unsafe_code)]

mod checked_datasets;
mod chunk_index;
mod connector;
mod content;
mod contiguous;
mod dataset;
mod decoded;
mod driver_info;
mod ending;
mod error_stack;
mod external;
mod ffi;
mod file;
mod file_names;
mod guard;
mod handle;
mod host;
mod host_symbols;
mod intent;
mod link_access;
mod link_failures;
mod lock_file;
mod locking;
mod making;
mod native_class;
mod open_drivers;
mod plain_driver;
mod replica;
mod reporting;
mod scratch;
mod selection;
mod storage;
mod texts;
mod varying;
mod vfd;
mod virtual_sources;
mod writing;

use std::ffi::{c_int, c_void};

/// Tells HDF5 that this plugin is a VOL connector.
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_type() -> c_int {
    ffi::H5PL_TYPE_VOL
}

/// Gives HDF5 the connector's class.
///
/// Naked, because the return address is the only thing that tells which libhdf5 is asking: Python
/// wheels carry private copies with local scope, and several of them may live in one process.
#[unsafe(naked)]
#[unsafe(no_mangle)]
pub extern "C" fn H5PLget_plugin_info() -> *const c_void {
    #[cfg(target_arch = "x86_64")]
    core::arch::naked_asm!("mov rdi, [rsp]", "jmp {f}", f = sym plugin_info);
    #[cfg(target_arch = "aarch64")]
    core::arch::naked_asm!("mov x0, x30", "b {f}", f = sym plugin_info);
}

const VERSION: &str = concat!("hdfstream plugin version: ", env!("CARGO_PKG_VERSION"), "\0");

/// The plugin's version, for `hdfstream doctor`, which looks for it in the file.
#[unsafe(no_mangle)]
#[allow(non_upper_case_globals, reason = "a symbol of C")]
pub static hdfstream_vol_version: [u8; VERSION.len()] = match VERSION.as_bytes().first_chunk() {
    Some(bytes) => *bytes,
    None => [0; VERSION.len()],
};

/// The body of [`H5PLget_plugin_info`]; `return_address` lies in the calling libhdf5.
extern "C" fn plugin_info(return_address: *const c_void) -> *const c_void {
    let class = std::panic::catch_unwind(|| {
        reporting::start();
        native_class::for_caller(return_address)
    });
    match class {
        Ok(Ok(class)) => std::ptr::from_ref(class).cast(),
        Ok(Err(why)) => {
            eprintln!("hdfstream: the plugin cannot be used by this program: {why}");
            std::ptr::null()
        }
        Err(_) => std::ptr::null(),
    }
}
