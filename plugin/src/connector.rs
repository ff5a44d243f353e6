//! The connector as a whole: its name, start and end, its info string, and what it says of itself.

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use hdfstream::Settings;

use crate::ffi::{self, herr_t, hid_t};
use crate::guard::{Failed, guard};
use crate::{native_class, replica};

/// Name of the connector, as in `HDF5_VOL_CONNECTOR`.
pub(crate) const NAME: &CStr = c"hdfstream";
/// Value of the connector; 256 to 511 are for connectors that are not registered with The HDF Group.
pub(crate) const VALUE: ffi::H5VL_class_value_t = 500;

/// The connector's info: the text that follows its name in `HDF5_VOL_CONNECTOR`. It is parsed when the
/// first remote file is opened and not before: an error here would make `import h5py` fail, even for
/// programs that open local files only.
pub(crate) struct Info {
    text: CString,
}

impl Info {
    /// The text of the info that HDF5 holds for us; empty when there is none.
    ///
    /// # Safety
    /// `info` is null or came from [`from_str`] or [`copy`] and is not freed yet.
    pub(crate) unsafe fn text(info: *const c_void) -> String {
        // SAFETY: the caller's promise.
        unsafe { info.cast::<Self>().as_ref() }
            .map(|info| info.text.to_string_lossy().into_owned())
            .unwrap_or_default()
    }
}

pub(crate) extern "C" fn initialize(_properties: hid_t) -> herr_t {
    0
}

pub(crate) extern "C" fn terminate<const SLOT: usize>() -> herr_t {
    guard(SLOT, |host| {
        host.forget_driver();
        replica::abandon(host);
        Ok(0)
    })
}

pub(crate) fn info_class<const SLOT: usize>() -> ffi::H5VL_info_class_t {
    ffi::H5VL_info_class_t {
        size: size_of::<Info>(),
        copy: Some(copy::<SLOT>),
        cmp: Some(compare::<SLOT>),
        free: Some(free::<SLOT>),
        to_str: Some(to_str::<SLOT>),
        from_str: Some(from_str::<SLOT>),
    }
}

unsafe extern "C" fn copy<const SLOT: usize>(info: *const c_void) -> *mut c_void {
    guard(SLOT, |_| {
        // SAFETY: HDF5 passes an info that we made.
        let info = unsafe { info.cast::<Info>().as_ref() }.ok_or(Failed)?;
        Ok(Box::into_raw(Box::new(Info {
            text: info.text.clone(),
        }))
        .cast())
    })
}

unsafe extern "C" fn compare<const SLOT: usize>(
    order: *mut c_int,
    first: *const c_void,
    second: *const c_void,
) -> herr_t {
    guard(SLOT, |_| {
        // SAFETY: HDF5 passes infos that we made, or null, and a pointer to an integer.
        unsafe {
            let texts = (first.cast::<Info>().as_ref(), second.cast::<Info>().as_ref());
            let ordering = texts
                .0
                .map(|info| &info.text)
                .cmp(&texts.1.map(|info| &info.text));
            *order = ordering as c_int;
        }
        Ok(0)
    })
}

unsafe extern "C" fn free<const SLOT: usize>(info: *mut c_void) -> herr_t {
    guard(SLOT, |_| {
        if !info.is_null() {
            // SAFETY: HDF5 frees each info once, and all come from `Box::into_raw` here.
            drop(unsafe { Box::from_raw(info.cast::<Info>()) });
        }
        Ok(0)
    })
}

unsafe extern "C" fn to_str<const SLOT: usize>(info: *const c_void, text: *mut *mut c_char) -> herr_t {
    guard(SLOT, |host| {
        // SAFETY: HDF5 passes an info that we made and a pointer to fill. It frees the string with its
        // own allocator, so the memory comes from there.
        unsafe {
            *text = std::ptr::null_mut();
            if let Some(info) = info.cast::<Info>().as_ref() {
                // For people to look at, so without the login that may be in it.
                let shown = Settings::without_secrets(&info.text.to_string_lossy());
                let shown = CString::new(shown).unwrap_or_default();
                let bytes = shown.as_bytes_with_nul();
                let memory = (host.h5.H5allocate_memory)(bytes.len(), false).cast::<u8>();
                if memory.is_null() {
                    return Err(Failed);
                }
                std::ptr::copy_nonoverlapping(bytes.as_ptr(), memory, bytes.len());
                *text = memory.cast();
            }
        }
        Ok(0)
    })
}

unsafe extern "C" fn from_str<const SLOT: usize>(text: *const c_char, info: *mut *mut c_void) -> herr_t {
    guard(SLOT, |_| {
        // SAFETY: HDF5 passes a NUL-terminated string, or null, and a pointer to fill.
        unsafe {
            let text = if text.is_null() {
                CString::default()
            } else {
                CStr::from_ptr(text).to_owned()
            };
            *info = Box::into_raw(Box::new(Info { text })).cast();
        }
        Ok(0)
    })
}

/// "Which connector is this?" Ours at the top; native at the end of the stack, because the objects are
/// native ones and HDF5 may treat them so.
pub(crate) unsafe extern "C" fn get_conn_cls<const SLOT: usize>(
    _object: *mut c_void,
    level: ffi::H5VL_get_conn_lvl_t,
    class: *mut *const ffi::H5VL_class_t,
) -> herr_t {
    guard(SLOT, |host| {
        let answer = if level == ffi::H5VL_GET_CONN_LVL_CURR {
            native_class::class_of(host)
        } else {
            &host.native
        };
        // SAFETY: HDF5 passes a pointer to fill; both classes are static.
        unsafe { *class = answer };
        Ok(0)
    })
}
