//! The hdfstream server: ordinary HDF5 files, served in place.

pub mod store;
