//! The hdfstream server: ordinary HDF5 files, served in place.
