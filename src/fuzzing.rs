//! The doors for the fuzz targets of `fuzz/`; only there when `cargo fuzz` builds the library.

use crate::surface;
use crate::sys::wire::Envelope;

/// Decodes a message. What decodes is encoded to the same bytes again: no two messages mean the same, and no byte is
/// passed over.
pub fn envelope(bytes: &[u8]) {
    if let Ok((envelope, payload)) = Envelope::decode(bytes) {
        assert_eq!([&envelope.encode(), payload].concat(), bytes);
        assert!(envelope.native_rights() <= crate::message::MAX_ATTACHMENTS + 2);
    }
}

/// Decodes a surface's values. What was decoded comes back as it was.
pub fn values(bytes: &[u8]) {
    surface::decode_and_encode_values(bytes);
}
