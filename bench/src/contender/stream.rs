//! Streams of bytes: a pair of FIFOs, and a Unix socket. A length before each message, and reads as large as they come.

use std::os::fd::OwnedFd;

use anyhow::{Result, bail};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};
use surfaceport::message::Attachment;

use super::{Arrival, Contender, Link, Plan, Source, stamp};
use crate::peer::{Peer, Seat, parcel};

const HEAD: usize = 4;
/// The most that an unprivileged process gets of a FIFO.
const FIFO_SIZE: usize = 1 << 20;
/// More than an unprivileged process gets of a socket; the system gives what it has.
const SOCKET_SIZE: usize = 4 << 20;

pub(super) struct Stream {
    input: OwnedFd,
    output: OwnedFd,
    source: Source,
    /// Head and bytes of the message that is ready.
    ready: Vec<u8>,
    ready_length: usize,
    /// What was read, and not taken yet from `begin` to `end`.
    read: Vec<u8>,
    begin: usize,
    end: usize,
}

/// The host's end of two FIFOs.
pub(super) fn fifos(peer: &Peer, plan: &Plan) -> Result<Stream> {
    let ((our_input, their_output), (their_input, our_output)) = (fifo()?, fifo()?);
    peer.give(parcel([Attachment::Descriptor(their_input), Attachment::Descriptor(their_output)])?)?;
    Ok(Stream::new(our_input, our_output, plan))
}

/// A FIFO's ends to read and to write. It has no name any more.
fn fifo() -> Result<(OwnedFd, OwnedFd)> {
    let name = format!("surfaceport-bench-{}-{}", std::process::id(), surfaceport::time::now());
    let path = std::env::temp_dir().join(name);
    rustix::fs::mknodat(CWD, &path, rustix::fs::FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)?;
    // Opened for reading alone, it would wait for a writer.
    let both = rustix::fs::open(&path, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let read = rustix::fs::open(&path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let write = rustix::fs::open(&path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    drop(both);
    std::fs::remove_file(&path)?;
    let _ = rustix::pipe::fcntl_setpipe_size(&write, FIFO_SIZE);
    Ok((read, write))
}

/// The host's end of a socket.
pub(super) fn sockets(peer: &Peer, plan: &Plan) -> Result<Stream> {
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    for socket in [&ours, &theirs] {
        let _ = sockopt::set_socket_send_buffer_size(socket, SOCKET_SIZE);
    }
    let again = theirs.try_clone()?;
    peer.give(parcel([Attachment::Descriptor(theirs), Attachment::Descriptor(again)])?)?;
    Ok(Stream::new(ours.try_clone()?, ours, plan))
}

impl Stream {
    pub(super) fn child(seat: &Seat, plan: &Plan) -> Result<Self> {
        debug_assert!(matches!(plan.contender, Contender::Fifo | Contender::Socket));
        let mut parcel = seat.take()?;
        Ok(Self::new(parcel.take_descriptor(0)?, parcel.take_descriptor(1)?, plan))
    }

    fn new(input: OwnedFd, output: OwnedFd, plan: &Plan) -> Self {
        let source = Source::new(plan.capacity);
        let mut ready = vec![0; HEAD];
        ready.extend_from_slice(&source.0);
        let read = vec![0; (HEAD + plan.capacity).max(64 << 10)];
        Self { input, output, source, ready, ready_length: 0, read, begin: 0, end: 0 }
    }

    /// Reads until so many bytes are there.
    fn read_until(&mut self, wanted: usize) -> Result<()> {
        if self.begin == self.end {
            (self.begin, self.end) = (0, 0);
        }
        if self.begin + wanted > self.read.len() {
            self.read.copy_within(self.begin..self.end, 0);
            (self.begin, self.end) = (0, self.end - self.begin);
        }
        while self.end - self.begin < wanted {
            match rustix::io::read(&self.input, &mut self.read[self.end..]) {
                Ok(0) => bail!("the other side is gone"),
                Ok(count) => self.end += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

impl Link for Stream {
    fn prepare(&mut self, length: usize) -> Result<()> {
        self.ready[..HEAD].copy_from_slice(&(length as u32).to_ne_bytes());
        self.source.fill(&mut self.ready[HEAD..HEAD + length]);
        self.ready_length = length;
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        self.ready[HEAD..HEAD + 8].copy_from_slice(&stamp());
        let mut left = &self.ready[..HEAD + self.ready_length];
        while !left.is_empty() {
            match rustix::io::write(&self.output, left) {
                Ok(count) => left = &left[count..],
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        self.read_until(HEAD)?;
        let head = self.read[self.begin..self.begin + HEAD].try_into()?;
        let length = u32::from_ne_bytes(head) as usize;
        self.read_until(HEAD + length)?;
        let from = self.begin + HEAD;
        self.begin = from + length;
        Arrival::of(&self.read[from..self.begin])
    }
}
