//! What people install: the library with its headers and descriptions for build systems, the program, and packages
//! of them.
//!
//! `packaging/` has the texts that are filled in here. Each kind of package is a file of this folder, with the step
//! of `cargo xtask test` that makes one and uses it as its reader would.

mod archive;
pub(crate) mod build;
pub(crate) mod cinstall;
pub(crate) mod cmake;
mod consumer;
mod contents;
pub(crate) mod debian;
mod description;
pub(crate) mod dist;
pub(crate) mod homebrew;
pub(crate) mod install;
mod layout;
pub(crate) mod macos;
mod wheel;
