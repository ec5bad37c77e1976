//! Messages to be sent.

use zerocopy::IntoBytes;

use super::{
    COMPLEX, COPY_SEND, Header, LOCAL_SHIFT, MESSAGE_ID, Name, OOL_DESCRIPTOR, OolDescriptor,
    PORT_DESCRIPTOR, PORT_RECEIVE, PORT_SEND_ONCE, PortDescriptor, ROUNDING, VIRTUAL_COPY,
};

/// A descriptor of a message to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lent {
    /// A send right, of which the kernel makes one more for the receiver.
    Send(Name),
    /// A receive right, which moves.
    Receive(Name),
    /// Memory, of which the receiver gets a copy-on-write copy.
    Memory { address: u64, length: u32 },
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// Through a send right, which stays.
    Send(Name),
    /// Through a send-once right, which the message uses up.
    SendOnce(Name),
}

/// Builds a message. `parts` together are its body: their length, and then they.
///
/// The order is header, descriptors, body; the size is a multiple of four, as the kernel wants it
/// (`MACH_SEND_MSG_TOO_SMALL` otherwise).
pub(crate) fn build(to: Destination, reply: Option<Name>, lent: &[Lent], parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let room = size_of::<Header>() + 4 + lent.len() * size_of::<OolDescriptor>() + 4 + length + ROUNDING;
    let mut bytes = vec![0; size_of::<Header>()];
    bytes.reserve_exact(room);
    if !lent.is_empty() {
        bytes.extend_from_slice(&(lent.len() as u32).to_ne_bytes());
    }
    for descriptor in lent {
        let right = |name: Name, disposition| PortDescriptor {
            name: name.into(),
            reserved: 0.into(),
            reserved_too: 0.into(),
            disposition,
            kind: PORT_DESCRIPTOR,
        };
        match *descriptor {
            Lent::Send(name) => bytes.extend_from_slice(right(name, COPY_SEND).as_bytes()),
            Lent::Receive(name) => bytes.extend_from_slice(right(name, PORT_RECEIVE).as_bytes()),
            Lent::Memory { address, length } => bytes.extend_from_slice(
                OolDescriptor {
                    address: address.into(),
                    deallocate: 0,
                    copy: VIRTUAL_COPY,
                    how: 0,
                    kind: OOL_DESCRIPTOR,
                    length: length.into(),
                }
                .as_bytes(),
            ),
        }
    }
    bytes.extend_from_slice(&(length as u32).to_ne_bytes());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes.resize(bytes.len().next_multiple_of(ROUNDING), 0);
    let (remote, disposition) = match to {
        Destination::Send(name) => (name, COPY_SEND),
        Destination::SendOnce(name) => (name, PORT_SEND_ONCE),
    };
    let local = reply.map_or(0, |_| u32::from(PORT_SEND_ONCE) << LOCAL_SHIFT);
    let header = Header {
        bits: (u32::from(disposition) | local | if lent.is_empty() { 0 } else { COMPLEX }).into(),
        size: (bytes.len() as u32).into(),
        remote: remote.into(),
        local: reply.unwrap_or(0).into(),
        voucher: 0.into(),
        id: (MESSAGE_ID as u32).into(),
    };
    bytes[..size_of::<Header>()].copy_from_slice(header.as_bytes());
    bytes
}
