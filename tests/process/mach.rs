//! Mach messages by hand, field by field, so that each of them can lie. Layouts are those of `mach/message.h`.
#![allow(unsafe_code)]

use mach2::kern_return::KERN_SUCCESS;
use mach2::mach_port::{
    mach_port_allocate, mach_port_deallocate, mach_port_insert_right, mach_port_mod_refs,
};
use mach2::message::{
    MACH_RCV_MSG, MACH_RCV_TIMEOUT, MACH_SEND_MSG, MACH_SEND_TIMED_OUT, MACH_SEND_TIMEOUT, mach_msg,
    mach_msg_destroy,
};
use mach2::port::{MACH_PORT_RIGHT_RECEIVE, mach_port_name_t};
use mach2::traps::mach_task_self;
use mach2::vm::mach_make_memory_entry_64;

pub const MOVE_RECEIVE: u8 = 16;
pub const MOVE_SEND: u8 = 17;
pub const MOVE_SEND_ONCE: u8 = 18;
pub const COPY_SEND: u8 = 19;
pub const MAKE_SEND: u8 = 20;
pub const MAKE_SEND_ONCE: u8 = 21;
/// `MACH_PORT_DEAD`.
pub const DEAD: mach_port_name_t = u32::MAX;

const COMPLEX: u32 = 0x8000_0000;
const HEADER: usize = 24;

/// A receive right of this task, with one send right under the same name.
#[derive(Debug)]
pub struct RawPort(mach_port_name_t);

impl RawPort {
    pub fn new() -> Self {
        let mut name = 0;
        // SAFETY: a place for the new name, which is then ours.
        unsafe {
            let task = mach_task_self();
            assert_eq!(mach_port_allocate(task, MACH_PORT_RIGHT_RECEIVE, &raw mut name), KERN_SUCCESS);
            assert_eq!(mach_port_insert_right(task, name, name, MAKE_SEND.into()), KERN_SUCCESS);
        }
        Self(name)
    }

    pub fn name(&self) -> mach_port_name_t {
        self.0
    }

    /// Another reference to its send right, as the library takes one.
    pub fn send_right(&self) -> mach_port_name_t {
        // SAFETY: the name is a send right of ours.
        let outcome = unsafe { mach_port_mod_refs(mach_task_self(), self.0, 0, 1) };
        assert_eq!(outcome, KERN_SUCCESS);
        self.0
    }

    /// The receive right was sent, the send right is still here.
    pub fn moved(self) -> RawSend {
        let send = RawSend(self.0);
        std::mem::forget(self);
        send
    }

    /// The send right alone: its port is dead.
    pub fn destroyed(self) -> RawSend {
        // SAFETY: the receive right is ours.
        let outcome = unsafe { mach_port_mod_refs(mach_task_self(), self.0, MACH_PORT_RIGHT_RECEIVE, -1) };
        assert_eq!(outcome, KERN_SUCCESS);
        self.moved()
    }

    /// The right to answer of the next message, which must carry nothing else.
    pub fn receive_reply_right(&self) -> mach_port_name_t {
        let header = self.receive_header();
        assert_eq!(header[0] & COMPLEX, 0);
        header[2]
    }

    /// The number of the next message, which must carry nothing.
    pub fn receive_id(&self) -> i32 {
        let header = self.receive_header();
        assert_eq!((header[0] & COMPLEX, header[2]), (0, 0));
        header[5] as i32
    }

    fn receive_header(&self) -> [u32; 6] {
        let mut buffer = [0_u32; 4096];
        // SAFETY: the buffer is aligned as a header is and as long as it is said to be.
        let outcome = unsafe {
            mach_msg(
                buffer.as_mut_ptr().cast(),
                MACH_RCV_MSG | MACH_RCV_TIMEOUT,
                0,
                size_of_val(&buffer) as u32,
                self.0,
                20_000,
                0,
            )
        };
        assert_eq!(outcome, KERN_SUCCESS);
        *buffer.first_chunk().unwrap()
    }
}

impl Drop for RawPort {
    fn drop(&mut self) {
        // SAFETY: both rights are ours, and nobody uses the name behind this.
        unsafe {
            assert_eq!(mach_port_deallocate(mach_task_self(), self.0), KERN_SUCCESS);
            let outcome = mach_port_mod_refs(mach_task_self(), self.0, MACH_PORT_RIGHT_RECEIVE, -1);
            assert_eq!(outcome, KERN_SUCCESS);
        }
    }
}

/// One reference of this task to a send right, or to a dead name.
#[derive(Debug)]
pub struct RawSend(mach_port_name_t);

impl Drop for RawSend {
    fn drop(&mut self) {
        // SAFETY: the reference is ours.
        assert_eq!(unsafe { mach_port_deallocate(mach_task_self(), self.0) }, KERN_SUCCESS);
    }
}

impl RawSend {
    pub fn name(&self) -> mach_port_name_t {
        self.0
    }

    /// The reference is the caller's from here on.
    pub fn into_name(self) -> mach_port_name_t {
        let name = self.0;
        std::mem::forget(self);
        name
    }
}

/// The ports that this task passes on to those that it makes, null ones left out.
pub fn registered_ports() -> Vec<RawSend> {
    let (mut list, mut count) = (std::ptr::null_mut(), 0);
    // SAFETY: a place for an array and its length.
    let outcome = unsafe { mach2::task::mach_ports_lookup(mach_task_self(), &raw mut list, &raw mut count) };
    assert_eq!(outcome, KERN_SUCCESS);
    super::taken(list, count).into_iter().filter(|name| *name != 0).map(RawSend).collect()
}

/// New memory of so many bytes, as the right by which it travels.
pub fn memory_entry(bytes: u64) -> RawSend {
    const NAMED_CREATE: i32 = 0x0002_0000;
    const READ_WRITE: i32 = 3;
    let (mut size, mut name) = (bytes, 0);
    // SAFETY: places for the size and for the name, which is then ours.
    let outcome = unsafe {
        mach_make_memory_entry_64(
            mach_task_self(),
            &raw mut size,
            0,
            NAMED_CREATE | READ_WRITE,
            &raw mut name,
            0,
        )
    };
    assert_eq!(outcome, KERN_SUCCESS);
    RawSend(name)
}

/// What stands between the header and the body of a complex message.
#[derive(Clone, Copy, Debug)]
pub enum Descriptor<'a> {
    Right(mach_port_name_t, u8),
    Memory(&'a [u8]),
    /// An array of rights, all of one disposition.
    Rights(&'a [mach_port_name_t], u8),
}

impl Descriptor<'_> {
    fn bytes(self) -> Vec<u8> {
        const PORT: u8 = 0;
        const OOL: u8 = 1;
        const OOL_PORTS: u8 = 2;
        const VIRTUAL_COPY: u8 = 1;
        match self {
            Self::Right(name, disposition) => {
                [&name.to_ne_bytes()[..], &[0; 6], &[disposition, PORT]].concat()
            }
            Self::Memory(bytes) => [
                &(bytes.as_ptr() as u64).to_ne_bytes()[..],
                &[0, VIRTUAL_COPY, 0, OOL],
                &(bytes.len() as u32).to_ne_bytes(),
            ]
            .concat(),
            Self::Rights(names, disposition) => [
                &(names.as_ptr() as u64).to_ne_bytes()[..],
                &[0, VIRTUAL_COPY, disposition, OOL_PORTS],
                &(names.len() as u32).to_ne_bytes(),
            ]
            .concat(),
        }
    }
}

/// A message to be sent.
#[derive(Clone, Debug, Default)]
pub struct RawMessage<'a> {
    pub id: i32,
    /// The name and the disposition of the right to answer; no right without one.
    pub reply: Option<(mach_port_name_t, u8)>,
    pub descriptors: Vec<Descriptor<'a>>,
    pub body: Vec<u8>,
}

impl RawMessage<'_> {
    /// Sends it through a send right that stays; a failure is the kernel's number.
    pub fn send(&self, to: mach_port_name_t) -> Result<(), i32> {
        self.send_as(to, COPY_SEND)
    }

    pub fn send_as(&self, to: mach_port_name_t, disposition: u8) -> Result<(), i32> {
        let (reply, reply_disposition) = self.reply.unwrap_or_default();
        let complex = if self.descriptors.is_empty() { 0 } else { COMPLEX };
        let bits = complex | u32::from(reply_disposition) << 8 | u32::from(disposition);
        let mut bytes = Vec::new();
        for word in [bits, 0, to, reply, 0, self.id as u32] {
            bytes.extend(word.to_ne_bytes());
        }
        if complex != 0 {
            bytes.extend((self.descriptors.len() as u32).to_ne_bytes());
            self.descriptors.iter().for_each(|descriptor| bytes.extend(descriptor.bytes()));
        }
        bytes.extend(&self.body);
        // The kernel takes no other sizes.
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        let size = bytes.len() as u32;
        bytes[4..8].copy_from_slice(&size.to_ne_bytes());
        assert!(bytes.len() >= HEADER);
        let mut words: Vec<u32> =
            bytes.chunks_exact(4).map(|word| u32::from_ne_bytes(word.try_into().unwrap())).collect();
        // SAFETY: the message is aligned as a header is and as long as it says; what its descriptors point to lives
        // across the call.
        let outcome = unsafe {
            mach_msg(words.as_mut_ptr().cast(), MACH_SEND_MSG | MACH_SEND_TIMEOUT, size, 0, 0, 0, 0)
        };
        match outcome {
            KERN_SUCCESS => Ok(()),
            MACH_SEND_TIMED_OUT => {
                // What it carries came back into the buffer, as ours.
                // SAFETY: the kernel has just written the message.
                unsafe { mach_msg_destroy(words.as_mut_ptr().cast()) };
                Err(outcome)
            }
            _ => Err(outcome),
        }
    }
}
