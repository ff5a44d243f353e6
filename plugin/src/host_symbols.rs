//! The functions and ids of HDF5 that the plugin uses, taken by name from the host library.

use std::ffi::{CStr, c_char, c_uint, c_void};

use crate::ffi::{self, hid_t};

/// Finds the address of a symbol in the host, or nothing.
pub(crate) type Lookup<'a> = &'a dyn Fn(&CStr) -> Option<*mut c_void>;

/// `H5Epush2` of H5Epublic.h.
type PushError = unsafe extern "C" fn(
    hid_t,
    *const c_char,
    *const c_char,
    c_uint,
    hid_t,
    hid_t,
    hid_t,
    *const c_char,
    ...
) -> ffi::herr_t;

macro_rules! functions {
    ($($name:ident: fn($($argument:ty),*) -> $result:ty;)*) => {
        /// HDF5's functions by their own names.
        #[allow(non_snake_case, reason = "HDF5's own names")]
        pub(crate) struct Functions {
            $(pub(crate) $name: unsafe extern "C" fn($($argument),*) -> $result,)*
            /// Variadic, so it stands apart.
            pub(crate) H5Epush2: PushError,
        }

        impl Functions {
            /// Resolves all functions, or names the first that is missing.
            pub(crate) fn resolve(lookup: Lookup<'_>) -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        let name = concat!(stringify!($name), "\0");
                        let address = find(lookup, name)?;
                        // SAFETY: the host exports a function under this name, and its headers declare it
                        // with this signature: `agree_with_headers` holds the two together.
                        unsafe {
                            std::mem::transmute::<*mut c_void, unsafe extern "C" fn($($argument),*) -> $result>(
                                address,
                            )
                        }
                    },)*
                    H5Epush2: {
                        let address = find(lookup, "H5Epush2\0")?;
                        // SAFETY: as above; the signature is that of H5Epublic.h.
                        unsafe { std::mem::transmute::<*mut c_void, PushError>(address) }
                    },
                })
            }
        }

        /// Never called, so that nothing is linked: it compiles only while the signatures above are those of the
        /// headers.
        #[allow(dead_code, reason = "a check for the compiler")]
        fn agree_with_headers() {
            $(let _: unsafe extern "C" fn($($argument),*) -> $result = ffi::$name;)*
            let _: PushError = ffi::H5Epush2;
        }
    };
}

fn find(lookup: Lookup<'_>, name: &'static str) -> Result<*mut c_void, &'static str> {
    CStr::from_bytes_with_nul(name.as_bytes())
        .ok()
        .and_then(lookup)
        .ok_or(name.trim_end_matches('\0'))
}

functions! {
    H5Aclose: fn(hid_t) -> ffi::herr_t;
    H5Acreate2: fn(hid_t, *const c_char, hid_t, hid_t, hid_t, hid_t) -> hid_t;
    H5Awrite: fn(hid_t, hid_t, *const c_void) -> ffi::herr_t;
    H5Dclose: fn(hid_t) -> ffi::herr_t;
    H5Dcreate2: fn(hid_t, *const c_char, hid_t, hid_t, hid_t, hid_t, hid_t) -> hid_t;
    H5Dget_create_plist: fn(hid_t) -> hid_t;
    H5Dget_space: fn(hid_t) -> hid_t;
    H5Dopen2: fn(hid_t, *const c_char, hid_t) -> hid_t;
    H5Dread: fn(hid_t, hid_t, hid_t, hid_t, hid_t, *mut c_void) -> ffi::herr_t;
    H5Dwrite: fn(hid_t, hid_t, hid_t, hid_t, hid_t, *const c_void) -> ffi::herr_t;
    H5Eget_auto2: fn(hid_t, *mut ffi::H5E_auto2_t, *mut *mut c_void) -> ffi::herr_t;
    H5Eget_current_stack: fn() -> hid_t;
    H5Eset_auto2: fn(hid_t, ffi::H5E_auto2_t, *mut c_void) -> ffi::herr_t;
    H5Eset_current_stack: fn(hid_t) -> ffi::herr_t;
    H5FDregister: fn(*const ffi::H5FD_class_t) -> hid_t;
    H5Fclose: fn(hid_t) -> ffi::herr_t;
    H5Fcreate: fn(*const c_char, c_uint, hid_t, hid_t) -> hid_t;
    H5Fget_fileno: fn(hid_t, *mut std::ffi::c_ulong) -> ffi::herr_t;
    H5Fget_obj_count: fn(hid_t, c_uint) -> isize;
    H5Fmount: fn(hid_t, *const c_char, hid_t, hid_t) -> ffi::herr_t;
    H5Fopen: fn(*const c_char, c_uint, hid_t) -> hid_t;
    H5Gclose: fn(hid_t) -> ffi::herr_t;
    H5Gcreate2: fn(hid_t, *const c_char, hid_t, hid_t, hid_t) -> hid_t;
    H5Gopen2: fn(hid_t, *const c_char, hid_t) -> hid_t;
    H5Idec_ref: fn(hid_t) -> std::ffi::c_int;
    H5Lcreate_soft: fn(*const c_char, hid_t, *const c_char, hid_t, hid_t) -> ffi::herr_t;
    H5Pcopy: fn(hid_t) -> hid_t;
    H5Pclose: fn(hid_t) -> ffi::herr_t;
    H5Pcreate: fn(hid_t) -> hid_t;
    H5Pget_chunk: fn(hid_t, std::ffi::c_int, *mut ffi::hsize_t) -> std::ffi::c_int;
    H5Pget_chunk_cache: fn(hid_t, *mut usize, *mut usize, *mut f64) -> ffi::herr_t;
    H5Pget_chunk_opts: fn(hid_t, *mut c_uint) -> ffi::herr_t;
    H5Pget_data_transform: fn(hid_t, *mut c_char, usize) -> isize;
    H5Pget_vlen_mem_manager: fn(
        hid_t, *mut ffi::H5MM_allocate_t, *mut *mut c_void, *mut ffi::H5MM_free_t, *mut *mut c_void
    ) -> ffi::herr_t;
    H5Pfill_value_defined: fn(hid_t, *mut ffi::H5D_fill_value_t) -> ffi::herr_t;
    H5Pget_fill_time: fn(hid_t, *mut ffi::H5D_fill_time_t) -> ffi::herr_t;
    H5Pget_fill_value: fn(hid_t, hid_t, *mut c_void) -> ffi::herr_t;
    H5Pget_driver_info: fn(hid_t) -> *const c_void;
    H5Pget_external: fn(hid_t, c_uint, usize, *mut c_char, *mut ffi::off_t, *mut ffi::hsize_t) -> ffi::herr_t;
    H5Pget_external_count: fn(hid_t) -> std::ffi::c_int;
    H5Pget_fapl_core: fn(hid_t, *mut usize, *mut bool) -> ffi::herr_t;
    H5Pget_fclose_degree: fn(hid_t, *mut ffi::H5F_close_degree_t) -> ffi::herr_t;
    H5Pget_elink_fapl: fn(hid_t) -> hid_t;
    H5Pget_file_image: fn(hid_t, *mut *mut c_void, *mut usize) -> ffi::herr_t;
    H5Pget_file_locking: fn(hid_t, *mut bool, *mut bool) -> ffi::herr_t;
    H5Pget_filter2: fn(
        hid_t, c_uint, *mut c_uint, *mut usize, *mut c_uint, usize, *mut c_char, *mut c_uint
    ) -> ffi::H5Z_filter_t;
    H5Pget_layout: fn(hid_t) -> ffi::H5D_layout_t;
    H5Pget_driver: fn(hid_t) -> hid_t;
    H5Pget_nfilters: fn(hid_t) -> std::ffi::c_int;
    H5Pget_vol_id: fn(hid_t, *mut hid_t) -> ffi::herr_t;
    H5Pget_vol_info: fn(hid_t, *mut *mut c_void) -> ffi::herr_t;
    H5Pget_virtual_count: fn(hid_t, *mut usize) -> ffi::herr_t;
    H5Pget_virtual_dsetname: fn(hid_t, usize, *mut c_char, usize) -> isize;
    H5Pget_virtual_filename: fn(hid_t, usize, *mut c_char, usize) -> isize;
    H5Pset_driver: fn(hid_t, hid_t, *const c_void) -> ffi::herr_t;
    H5Pset_fapl_core: fn(hid_t, usize, bool) -> ffi::herr_t;
    H5Pset_elink_fapl: fn(hid_t, hid_t) -> ffi::herr_t;
    H5Pset_file_image: fn(hid_t, *mut c_void, usize) -> ffi::herr_t;
    H5Pset_fapl_sec2: fn(hid_t) -> ffi::herr_t;
    H5Pset_fapl_stdio: fn(hid_t) -> ffi::herr_t;
    H5Pset_fclose_degree: fn(hid_t, ffi::H5F_close_degree_t) -> ffi::herr_t;
    H5Pset_libver_bounds: fn(hid_t, ffi::H5F_libver_t, ffi::H5F_libver_t) -> ffi::herr_t;
    H5Pset_obj_track_times: fn(hid_t, bool) -> ffi::herr_t;
    H5Pset_vol: fn(hid_t, hid_t, *const c_void) -> ffi::herr_t;
    H5Sclose: fn(hid_t) -> ffi::herr_t;
    H5Screate: fn(ffi::H5S_class_t) -> hid_t;
    H5Screate_simple: fn(std::ffi::c_int, *const ffi::hsize_t, *const ffi::hsize_t) -> hid_t;
    H5Sget_select_bounds: fn(hid_t, *mut ffi::hsize_t, *mut ffi::hsize_t) -> ffi::herr_t;
    H5Sget_select_npoints: fn(hid_t) -> ffi::hssize_t;
    H5Sget_regular_hyperslab: fn(
        hid_t, *mut ffi::hsize_t, *mut ffi::hsize_t, *mut ffi::hsize_t, *mut ffi::hsize_t
    ) -> ffi::herr_t;
    H5Sget_select_type: fn(hid_t) -> ffi::H5S_sel_type;
    H5Sget_simple_extent_dims: fn(hid_t, *mut ffi::hsize_t, *mut ffi::hsize_t) -> std::ffi::c_int;
    H5Sget_simple_extent_ndims: fn(hid_t) -> std::ffi::c_int;
    H5Sget_simple_extent_npoints: fn(hid_t) -> ffi::hssize_t;
    H5Sis_regular_hyperslab: fn(hid_t) -> ffi::htri_t;
    H5Sselect_intersect_block: fn(hid_t, *const ffi::hsize_t, *const ffi::hsize_t) -> ffi::htri_t;
    H5Sselect_none: fn(hid_t) -> ffi::herr_t;
    H5Ssel_iter_close: fn(hid_t) -> ffi::herr_t;
    H5Ssel_iter_create: fn(hid_t, usize, c_uint) -> hid_t;
    H5Ssel_iter_get_seq_list: fn(
        hid_t, usize, usize, *mut usize, *mut usize, *mut ffi::hsize_t, *mut usize
    ) -> ffi::herr_t;
    H5Tarray_create2: fn(hid_t, c_uint, *const ffi::hsize_t) -> hid_t;
    H5Tclose: fn(hid_t) -> ffi::herr_t;
    H5Tconvert: fn(hid_t, hid_t, usize, *mut c_void, *mut c_void, hid_t) -> ffi::herr_t;
    H5Tcopy: fn(hid_t) -> hid_t;
    H5Tcreate: fn(ffi::H5T_class_t, usize) -> hid_t;
    H5Tequal: fn(hid_t, hid_t) -> ffi::htri_t;
    H5Tget_class: fn(hid_t) -> ffi::H5T_class_t;
    H5Tget_member_offset: fn(hid_t, c_uint) -> usize;
    H5Tget_member_type: fn(hid_t, c_uint) -> hid_t;
    H5Tget_nmembers: fn(hid_t) -> std::ffi::c_int;
    H5Tget_size: fn(hid_t) -> usize;
    H5Tget_super: fn(hid_t) -> hid_t;
    H5Tinsert: fn(hid_t, *const c_char, usize, hid_t) -> ffi::herr_t;
    H5Tis_variable_str: fn(hid_t) -> ffi::htri_t;
    H5Tset_cset: fn(hid_t, ffi::H5T_cset_t) -> ffi::herr_t;
    H5Tset_ebias: fn(hid_t, usize) -> ffi::herr_t;
    H5Tset_fields: fn(hid_t, usize, usize, usize, usize, usize) -> ffi::herr_t;
    H5Tset_order: fn(hid_t, ffi::H5T_order_t) -> ffi::herr_t;
    H5Tset_precision: fn(hid_t, usize) -> ffi::herr_t;
    H5Tset_sign: fn(hid_t, ffi::H5T_sign_t) -> ffi::herr_t;
    H5Tset_size: fn(hid_t, usize) -> ffi::herr_t;
    H5Tset_strpad: fn(hid_t, ffi::H5T_str_t) -> ffi::herr_t;
    H5Tvlen_create: fn(hid_t) -> hid_t;
    H5VLcmp_connector_cls: fn(*mut std::ffi::c_int, hid_t, hid_t) -> ffi::herr_t;
    H5VLis_connector_registered_by_name: fn(*const c_char) -> ffi::htri_t;
    H5VLget_connector_id_by_name: fn(*const c_char) -> hid_t;
    H5VLintrospect_get_conn_cls: fn(
        *mut c_void, hid_t, ffi::H5VL_get_conn_lvl_t, *mut *const ffi::H5VL_class_t
    ) -> ffi::herr_t;
    H5VLobject: fn(hid_t) -> *mut c_void;
    H5Zfilter_avail: fn(ffi::H5Z_filter_t) -> ffi::htri_t;
    H5allocate_memory: fn(usize, bool) -> *mut c_void;
    H5is_library_terminating: fn(*mut bool) -> ffi::herr_t;
    H5get_libversion: fn(*mut c_uint, *mut c_uint, *mut c_uint) -> ffi::herr_t;
}

macro_rules! ids {
    ($($name:ident: $symbol:literal;)*) => {
        /// Where the host keeps ids that it makes at its start; they change when HDF5 is closed and
        /// opened again, so the variables are read at each use.
        pub(crate) struct Ids {
            $(pub(crate) $name: Id,)*
        }

        impl Ids {
            /// Resolves all ids, or names the first that is missing. `global` looks in the whole program.
            pub(crate) fn resolve(lookup: Lookup<'_>, global: Lookup<'_>) -> Result<Self, &'static str> {
                Ok(Self {
                    $($name: {
                        let name = concat!($symbol, "\0");
                        let own = find(lookup, name)?;
                        Id { own: own.cast(), copied: find(global, name).unwrap_or(own).cast() }
                    },)*
                })
            }
        }
    };
}

/// The address of a variable of the host that holds an id.
pub(crate) struct Id {
    own: *const hid_t,
    /// A program that is linked with HDF5 and names the variable holds a copy of it (a COPY relocation);
    /// HDF5 then writes the copy, and the library's own variable keeps its invalid first value.
    copied: *const hid_t,
}

impl Id {
    /// The id's present value.
    pub(crate) fn get(&self) -> hid_t {
        // SAFETY: both are addresses of exported variables of objects that are never unloaded while
        // they call us; HDF5 writes them only while it initialises or terminates itself, under its own
        // lock, which the calling thread holds.
        unsafe {
            let own = self.own.read_volatile();
            if own > 0 { own } else { self.copied.read_volatile() }
        }
    }
}

ids! {
    error_class: "H5E_ERR_CLS_g";
    list_transfer: "H5P_LST_DATASET_XFER_ID_g";
    major_dataset: "H5E_DATASET_g";
    major_file: "H5E_FILE_g";
    major_plugin: "H5E_PLUGIN_g";
    minor_cannot_open: "H5E_CANTOPENFILE_g";
    minor_read: "H5E_READERROR_g";
    minor_unsupported: "H5E_UNSUPPORTED_g";
    minor_write: "H5E_WRITEERROR_g";
    plist_dataset_create: "H5P_CLS_DATASET_CREATE_ID_g";
    plist_file_access: "H5P_CLS_FILE_ACCESS_ID_g";
    plist_group_create: "H5P_CLS_GROUP_CREATE_ID_g";
    type_double: "H5T_IEEE_F64LE_g";
    type_float: "H5T_IEEE_F32LE_g";
    type_integer: "H5T_STD_I32LE_g";
    type_long_double: "H5T_NATIVE_LDOUBLE_g";
    type_text: "H5T_C_S1_g";
}
