//! Version: which library this is.

use std::ffi::{CStr, c_char};

/// Part of the crate's version.
const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("a part of the crate's version is no number"),
    }
}

const MAJOR: u32 = number(env!("CARGO_PKG_VERSION_MAJOR"));
const MINOR: u32 = number(env!("CARGO_PKG_VERSION_MINOR"));
const PATCH: u32 = number(env!("CARGO_PKG_VERSION_PATCH"));

const TEXT: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(text) => text,
    Err(_) => panic!("the crate's version has a NUL in it"),
};

/// The version of the library that runs, as one number: SFP_VERSION_NUMBER of its header.
///
/// It is major * 1000000 + minor * 1000 + patch, so that a later one is greater. The library can be
/// another one than that of the header that the program was compiled with.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_version() -> u32 {
    MAJOR * 1_000_000 + MINOR * 1_000 + PATCH
}

/// The version of the library that runs, as text: "1.2.3", SFP_VERSION of its header.
///
/// Returns a text that is always valid; never NULL.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub extern "C" fn sfp_version_string() -> *const c_char {
    TEXT.as_ptr()
}
