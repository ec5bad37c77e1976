//! The C API, called as C calls it: by pointers that can be anything the manual allows, and NULL.
#![allow(missing_docs, unsafe_code, unused_unsafe)]

#[path = "../process/files.rs"]
#[allow(unreachable_pub)]
mod files;
mod functions;
mod messages;
mod nulls;
mod ports;
mod status;
mod support;
mod surfaces;
