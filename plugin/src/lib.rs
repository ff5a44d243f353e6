//! The HDF5 plugin: a VOL connector and a file driver.
#![allow(unsafe_code)]
