//! HDF5's structures, constants and function signatures as its headers have them; data only.
//!
//! `ffi/generate` writes the bindings, with size and offset assertions of its own; the test `headers`
//! holds them against the headers of every supported HDF5. The functions are declared for their
//! signatures alone and never linked: [`crate::host_symbols`] takes them from the host.
#![allow(
    clippy::all,
    dead_code,
    missing_docs,
    non_camel_case_types,
    non_snake_case,
    non_upper_case_globals,
    unreachable_pub,
    unused,
    reason = "generated from C headers"
)]

include!("ffi/bindings.rs");

/// `H5P_DEFAULT` of H5Ppublic.h, a cast that bindgen does not carry over.
pub const H5P_DEFAULT: hid_t = 0;
/// `H5S_ALL` of H5Spublic.h.
pub const H5S_ALL: hid_t = 0;
/// `HADDR_UNDEF` of H5public.h.
pub const HADDR_UNDEF: haddr_t = haddr_t::MAX;
/// `H5VL_NATIVE_GROUP_ITERATE_OLD` of H5VLnative.h, which only an HDF5 with the deprecated calls has.
pub const H5VL_NATIVE_GROUP_ITERATE_OLD: std::ffi::c_int = 0;
/// `H5VL_NATIVE_GROUP_GET_OBJINFO` of H5VLnative.h, as above.
pub const H5VL_NATIVE_GROUP_GET_OBJINFO: std::ffi::c_int = 1;
/// `H5E_DEFAULT` of H5Epublic.h.
pub const H5E_DEFAULT: hid_t = 0;

#[cfg(test)]
mod headers;
