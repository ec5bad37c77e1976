//! The library's own header of a message, the same on every system: what precedes the user's bytes.
//!
//! ```text
//! Header (24 bytes) | Entry × attachments (48 bytes each) | payload, unless it travels out of line
//! ```
//!
//! Everything here is read from a peer, so nothing is believed: each length is checked against what arrived,
//! unknown flags and kinds are refused, and no byte is looked at through anything but a declared layout.

use zerocopy::little_endian::{U16, U32, U64};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use crate::error::{Error, Result, Status};
use crate::layout::SurfaceDescriptor;
use crate::pixel_format::PixelFormat;

/// The bytes `SFPM` at the start of each message.
pub(crate) const MAGIC: u32 = u32::from_le_bytes(*b"SFPM");
/// The version of this layout. Another one is refused as [`Status::Unsupported`].
pub(crate) const VERSION: u16 = 1;
/// The most attachments of one message.
pub(crate) const MAX_ATTACHMENTS: usize = 64;
/// The largest payload of one message, in bytes: 256 MiB.
pub(crate) const MAX_PAYLOAD: u64 = 256 << 20;
/// The largest payload that travels inside of a message, in bytes; larger ones go out of line.
pub(crate) const INLINE_LIMIT: usize = 32 << 10;
/// The largest memory region of a message, in bytes: 64 GiB.
pub(crate) const MAX_REGION: u64 = 64 << 30;
/// The longest that header, table and payload of one message can be, in bytes.
pub(crate) const MAX_INLINE_MESSAGE: usize =
    size_of::<Header>() + MAX_ATTACHMENTS * size_of::<Entry>() + INLINE_LIMIT;

/// The payload is a sealed memory region, the first native right of the message.
const OUT_OF_LINE: u16 = 1;
/// A send-once right for the answer follows as the next native right.
const HAS_REPLY: u16 = 2;
/// The message is for the library and not for its user.
const CONTROL: u16 = 4;
/// The message has a number among those of its channel.
const NUMBERED: u16 = 8;

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Header {
    magic: U32,
    version: U16,
    flags: U16,
    id: U32,
    attachments: U16,
    reserved: U16,
    payload_length: U32,
    number: U32,
}

/// One line of the attachment table.
#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned, Clone, Copy)]
#[repr(C)]
struct Entry {
    kind: U16,
    reserved: U16,
    flags: U32,
    length: U64,
    detail: [u8; 32],
}

/// The kinds of attachment on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Kind {
    SendRight = 1,
    ReceiveRight = 2,
    Memory = 3,
    Surface = 4,
    Descriptor = 5,
}

impl Kind {
    fn from_wire(kind: u16) -> Option<Self> {
        [Self::SendRight, Self::ReceiveRight, Self::Memory, Self::Surface, Self::Descriptor]
            .into_iter()
            .find(|known| *known as u16 == kind)
    }
}

/// What the table says of one attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) kind: Kind,
    /// Bytes of a memory region; 0 for the other kinds.
    pub(crate) length: u64,
    /// What the kind needs besides: a surface's geometry.
    pub(crate) detail: [u8; 32],
}

impl Described {
    pub(crate) fn plain(kind: Kind) -> Self {
        Self { kind, length: 0, detail: [0; 32] }
    }
}

/// What precedes the payload, in the terms of this library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) id: u32,
    pub(crate) control: bool,
    /// Its place among the messages of its channel's direction.
    pub(crate) number: Option<u32>,
    pub(crate) out_of_line: bool,
    pub(crate) has_reply: bool,
    pub(crate) payload_length: u64,
    pub(crate) attachments: Vec<Described>,
}

impl Envelope {
    /// How many native rights the message has to carry.
    pub(crate) fn native_rights(&self) -> usize {
        usize::from(self.out_of_line) + usize::from(self.has_reply) + self.attachments.len()
    }

    /// The bytes that precede the payload. The caller has checked the limits.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(size_of::<Header>() + self.attachments.len() * size_of::<Entry>());
        let header = Header {
            magic: MAGIC.into(),
            version: VERSION.into(),
            flags: (if self.out_of_line { OUT_OF_LINE } else { 0 }
                | if self.has_reply { HAS_REPLY } else { 0 }
                | if self.control { CONTROL } else { 0 }
                | if self.number.is_some() { NUMBERED } else { 0 })
            .into(),
            id: self.id.into(),
            attachments: (self.attachments.len() as u16).into(),
            reserved: 0.into(),
            payload_length: (self.payload_length as u32).into(),
            number: self.number.unwrap_or(0).into(),
        };
        bytes.extend_from_slice(header.as_bytes());
        for described in &self.attachments {
            let entry = Entry {
                kind: (described.kind as u16).into(),
                reserved: 0.into(),
                flags: 0.into(),
                length: described.length.into(),
                detail: described.detail,
            };
            bytes.extend_from_slice(entry.as_bytes());
        }
        bytes
    }

    /// Splits a received message into its envelope and its inline payload.
    ///
    /// Errors: [`Status::Malformed`]; [`Status::Unsupported`] for another version.
    pub(crate) fn decode(message: &[u8]) -> Result<(Self, &[u8])> {
        let (header, rest) = Header::ref_from_prefix(message)
            .map_err(|_| Error::malformed(format!("a message of {} bytes has no header", message.len())))?;
        if header.magic.get() != MAGIC {
            return Err(Error::malformed("a message does not begin with this library's magic"));
        }
        if header.version.get() != VERSION {
            return Err(Error::new(
                Status::Unsupported,
                format!("a message has wire version {}, this library speaks {VERSION}", header.version),
            ));
        }
        let flags = header.flags.get();
        let number = (flags & NUMBERED != 0).then_some(header.number.get());
        let unknown = flags & !(OUT_OF_LINE | HAS_REPLY | CONTROL | NUMBERED) != 0;
        if unknown || header.reserved.get() != 0 || header.number.get() != number.unwrap_or(0) {
            return Err(Error::malformed("a message has flags that this version does not know"));
        }
        let count = usize::from(header.attachments.get());
        if count > MAX_ATTACHMENTS {
            return Err(Error::malformed(format!(
                "a message claims {count} attachments, at most {MAX_ATTACHMENTS} are possible"
            )));
        }
        let payload_length = u64::from(header.payload_length.get());
        if payload_length > MAX_PAYLOAD {
            return Err(Error::malformed(format!("a message claims a payload of {payload_length} bytes")));
        }
        let (entries, payload) = <[Entry]>::ref_from_prefix_with_elems(rest, count)
            .map_err(|_| Error::malformed("a message ends within its attachment table"))?;
        let out_of_line = flags & OUT_OF_LINE != 0;
        let expected_inline = if out_of_line { 0 } else { payload_length };
        if payload.len() as u64 != expected_inline || (out_of_line && payload_length == 0) {
            return Err(Error::malformed(format!(
                "a message carries {} payload bytes where its header says {payload_length}{}",
                payload.len(),
                if out_of_line { " out of line" } else { "" },
            )));
        }
        let attachments = entries.iter().map(Described::decode).collect::<Result<_>>()?;
        let envelope = Self {
            id: header.id.get(),
            control: flags & CONTROL != 0,
            number,
            out_of_line,
            has_reply: flags & HAS_REPLY != 0,
            payload_length,
            attachments,
        };
        Ok((envelope, payload))
    }
}

impl Described {
    fn decode(entry: &Entry) -> Result<Self> {
        let kind = Kind::from_wire(entry.kind.get()).ok_or_else(|| {
            Error::malformed(format!("a message has an attachment of unknown kind {}", entry.kind))
        })?;
        if entry.reserved.get() != 0 || entry.flags.get() != 0 {
            return Err(Error::malformed("an attachment has flags that this version does not know"));
        }
        let described = Self { kind, length: entry.length.get(), detail: entry.detail };
        let expected = match kind {
            Kind::Memory => Self { length: described.length, ..Self::plain(kind) },
            Kind::Surface => Self { detail: described.detail, ..Self::plain(kind) },
            _ => Self::plain(kind),
        };
        if described != expected {
            return Err(Error::malformed("an attachment has a length or detail that its kind does not have"));
        }
        Ok(described)
    }
}

/// What the right that comes with a surface leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum SurfaceKind {
    /// Memory with the pixels and a page behind them.
    Memory = 0,
    /// An IOSurface.
    IoSurface = 1,
}

/// The detail of a surface's entry. The geometry is a claim, to be checked against what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SurfaceDetail {
    pub(crate) descriptor: SurfaceDescriptor,
    /// Not 0.
    pub(crate) id: u32,
    pub(crate) kind: SurfaceKind,
}

#[derive(FromBytes, IntoBytes, KnownLayout, Immutable, Unaligned)]
#[repr(C)]
struct SurfaceDetailWire {
    width: U32,
    height: U32,
    four_cc: U32,
    id: U32,
    kind: u8,
    reserved: [u8; 15],
}

impl SurfaceDetail {
    pub(crate) fn encode(&self) -> [u8; 32] {
        zerocopy::transmute!(SurfaceDetailWire {
            width: self.descriptor.width.into(),
            height: self.descriptor.height.into(),
            four_cc: self.descriptor.format.four_cc().into(),
            id: self.id.into(),
            kind: self.kind as u8,
            reserved: [0; 15],
        })
    }

    /// Errors: [`Status::Malformed`], also for sides that no surface has.
    pub(crate) fn decode(detail: &[u8; 32]) -> Result<Self> {
        let wrong = |reason: String| Error::malformed(format!("a surface in a message: {reason}"));
        let wire: SurfaceDetailWire = zerocopy::transmute!(*detail);
        let kind = [SurfaceKind::Memory, SurfaceKind::IoSurface];
        let kind = kind.into_iter().find(|kind| *kind as u8 == wire.kind);
        let (Some(kind), true) = (kind, wire.id.get() != 0 && wire.reserved == [0; 15]) else {
            return Err(wrong("it has no id, or fields that this version does not know".into()));
        };
        let format = PixelFormat::from_four_cc(wire.four_cc.get()).map_err(|e| wrong(e.to_string()))?;
        let descriptor = SurfaceDescriptor::new(wire.width.get(), wire.height.get(), format);
        descriptor.check().map_err(|e| wrong(e.to_string()))?;
        Ok(Self { descriptor, id: wire.id.get(), kind })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> Envelope {
        Envelope {
            id: 0xfeed_beef,
            control: true,
            number: Some(0x0102_0304),
            out_of_line: false,
            has_reply: true,
            payload_length: 5,
            attachments: vec![
                Described::plain(Kind::SendRight),
                Described { length: 9, ..Described::plain(Kind::Memory) },
                Described { detail: [7; 32], ..Described::plain(Kind::Surface) },
            ],
        }
    }

    fn encoded(payload: &[u8]) -> Vec<u8> {
        [sample().encode(), payload.to_vec()].concat()
    }

    fn status_of(message: &[u8]) -> Status {
        Envelope::decode(message).unwrap_err().status()
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let bytes = encoded(b"hello");
        let (envelope, payload) = Envelope::decode(&bytes).unwrap();
        assert_eq!((envelope, payload), (sample(), &b"hello"[..]));
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = encoded(b"hello");
        for end in 0..whole.len() {
            assert_eq!(status_of(&whole[..end]), Status::Malformed, "cut at {end}");
        }
        assert_eq!(status_of(&encoded(b"hello!")), Status::Malformed);
    }

    #[test]
    fn each_wrong_field_is_refused() {
        let change = |at: usize, value: u8| {
            let mut bytes = encoded(b"hello");
            assert_ne!(bytes[at], value);
            bytes[at] = value;
            status_of(&bytes)
        };
        assert_eq!(change(0, b'X'), Status::Malformed, "magic");
        assert_eq!(change(4, 2), Status::Unsupported, "version");
        assert_eq!(change(6, 0x80), Status::Malformed, "flags");
        assert_eq!(change(12, 65), Status::Malformed, "too many attachments");
        assert_eq!(change(12, 1), Status::Malformed, "fewer attachments than sent");
        assert_eq!(change(14, 1), Status::Malformed, "reserved");
        assert_eq!(change(16, 4), Status::Malformed, "payload length");
        assert_eq!(change(19, 0x10), Status::Malformed, "payload length over the maximum");
        let mut unnumbered = encoded(b"hello");
        unnumbered[6] &= !8;
        assert_eq!(status_of(&unnumbered), Status::Malformed, "a number without its flag");
        assert_eq!(change(24, 9), Status::Malformed, "kind");
        assert_eq!(change(28, 1), Status::Malformed, "attachment flags");
        assert_eq!(change(32, 1), Status::Malformed, "a length that the kind does not have");
        assert_eq!(change(40, 1), Status::Malformed, "a detail that the kind does not have");
    }

    #[test]
    fn each_wrong_field_of_a_surface_is_refused() {
        for kind in [SurfaceKind::Memory, SurfaceKind::IoSurface] {
            let detail = SurfaceDetail {
                descriptor: SurfaceDescriptor::new(3, 16_384, PixelFormat::Nv12),
                id: 0x0102_0304,
                kind,
            };
            let bytes = detail.encode();
            assert_eq!(SurfaceDetail::decode(&bytes).unwrap(), detail);
            let refused = |from: usize, new: &[u8]| {
                let mut bytes = bytes;
                bytes[from..from + new.len()].copy_from_slice(new);
                SurfaceDetail::decode(&bytes).unwrap_err().status() == Status::Malformed
            };
            assert!(refused(0, &[0; 4]) && refused(4, &[0; 4]), "a side of 0");
            assert!(refused(3, &[1]) && refused(4, &[1]), "a side over the maximum");
            assert!(refused(8, &[0]), "an unknown format");
            assert!(refused(12, &[0; 4]), "no id");
            assert!(refused(16, &[2]) && refused(16, &[255]), "an unknown kind");
            assert!((17..32).all(|at| refused(at, &[1])), "reserved bytes");
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Envelope::decode(&bytes);
        }

        #[test]
        fn surfaces_of_garbage_never_panic(bytes: [u8; 32]) {
            if let Ok(detail) = SurfaceDetail::decode(&bytes) {
                prop_assert_eq!(detail.encode(), bytes);
            }
        }

        #[test]
        fn garbage_behind_a_good_start_never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..400),
            count in 0_u8..70,
        ) {
            let mut message = sample().encode();
            message.truncate(size_of::<Header>());
            message[12] = count;
            message.extend(bytes);
            let _ = Envelope::decode(&message);
        }
    }
}
