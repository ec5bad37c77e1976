//! The doors for the fuzz targets of `fuzz/`; only there when `cargo fuzz` builds the library.

use crate::sys::mach_message::{self, Name, RightKind, RightTable};
use crate::sys::shared_values;
use crate::sys::wire::Envelope;

/// Decodes a message. What decodes is encoded to the same bytes again: no two messages mean the same, and no byte is
/// passed over.
pub fn envelope(bytes: &[u8]) {
    if let Ok((envelope, payload)) = Envelope::decode(bytes) {
        assert_eq!([&envelope.encode(), payload].concat(), bytes);
        assert!(envelope.native_rights() <= crate::message::MAX_ATTACHMENTS + 2);
    }
}

/// Takes a Mach message apart, as one that has arrived and as one that a failed send gave back. Everything that it
/// carries is given back to a table of rights.
pub fn mach_message(bytes: &[u8]) {
    if let Ok(taken) = mach_message::take_apart(bytes, &NoRights) {
        let _ = taken.notification(&NoRights);
        let _ = mach_message::body_bytes(taken.body).and_then(|body| Envelope::decode(body).map(drop));
    }
    drop(mach_message::take_back(bytes, &NoRights));
    mach_message::size_of_waiting(bytes);
}

/// A table of no rights: what is given back to it has been nowhere.
#[derive(Clone)]
struct NoRights;

impl RightTable for NoRights {
    fn give_back(&self, _: Name, _: RightKind) {}
    fn unmap(&self, _: u64, _: u64) {}
    fn names_at(&self, address: u64, count: u32) -> Vec<Name> {
        (0..count.min(1000)).map(|i| (address as Name).wrapping_add(i)).collect()
    }
}

/// Decodes a surface's values. What was decoded comes back as it was.
pub fn values(bytes: &[u8]) {
    shared_values::decode_and_encode(bytes);
}
