//! Hostile peers on Linux: whatever is written to a port's socket, the receiver refuses it whole, keeps working and
//! leaks nothing.
//!
//! The packets are built here by hand, byte by byte, so that a change of the library's own encoder cannot hide one
//! of the wire format.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod process;

use std::io::IoSlice;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::fs::{MemfdFlags, OFlags, SealFlags};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, SocketFlags, SocketType,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::{MAX_ATTACHMENTS, Message};
use surfaceport::port::{PortSet, Ready, ReceiveRight, SendOnceRight, SendRight};
use surfaceport::surface::{PixelFormat, Surface, SurfaceDescriptor};
use surfaceport::{Status, Timeout};

peers! {
    "few descriptors" => few_descriptors,
    "few descriptors, many lanes" => few_descriptors_many_lanes,
    "few descriptors at a name" => few_descriptors_at_a_name,
    "little address space" => little_address_space,
    "another user" => another_user,
}

const SOON: Timeout = Timeout::from_nanoseconds(10_000_000_000);
/// Long enough to go round a loop, short enough to run out in a test.
const BRIEFLY: Timeout = Timeout::from_nanoseconds(20_000_000);

const OUT_OF_LINE: u16 = 1;
const HAS_REPLY: u16 = 2;
const SEND_RIGHT: u16 = 1;
const RECEIVE_RIGHT: u16 = 2;
const MEMORY: u16 = 3;
const SURFACE: u16 = 4;
const DESCRIPTOR: u16 = 5;

/// A packet as `src/sys/wire.rs` describes it; every field can lie.
#[derive(Clone)]
struct Packet {
    magic: [u8; 4],
    version: u16,
    flags: u16,
    id: u32,
    count: Option<u16>,
    reserved: u16,
    length: Option<u64>,
    entries: Vec<Entry>,
    payload: Vec<u8>,
}

#[derive(Clone)]
struct Entry {
    kind: u16,
    reserved: u16,
    flags: u32,
    length: u64,
    detail: [u8; 32],
}

impl Entry {
    fn new(kind: u16) -> Self {
        Self { kind, reserved: 0, flags: 0, length: 0, detail: [0; 32] }
    }

    fn memory(length: u64) -> Self {
        Self { length, ..Self::new(MEMORY) }
    }

    fn surface(width: u32, height: u32, code: &[u8; 4], id: u32) -> Self {
        let mut detail = [0; 32];
        let four_cc = u32::from_be_bytes(*code);
        for (place, value) in [width, height, four_cc, id].into_iter().enumerate() {
            detail[place * 4..place * 4 + 4].copy_from_slice(&value.to_le_bytes());
        }
        Self { detail, ..Self::new(SURFACE) }
    }
}

impl Packet {
    fn new(payload: &[u8]) -> Self {
        Self {
            magic: *b"SFPM",
            version: 1,
            flags: 0,
            id: 7,
            count: None,
            reserved: 0,
            length: None,
            entries: Vec::new(),
            payload: payload.to_vec(),
        }
    }

    fn with(entries: impl IntoIterator<Item = Entry>) -> Self {
        Self { entries: entries.into_iter().collect(), ..Self::new(b"") }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.id.to_le_bytes());
        bytes.extend(self.count.unwrap_or(self.entries.len() as u16).to_le_bytes());
        bytes.extend(self.reserved.to_le_bytes());
        bytes.extend(self.length.unwrap_or(self.payload.len() as u64).to_le_bytes());
        for entry in &self.entries {
            bytes.extend(entry.kind.to_le_bytes());
            bytes.extend(entry.reserved.to_le_bytes());
            bytes.extend(entry.flags.to_le_bytes());
            bytes.extend(entry.length.to_le_bytes());
            bytes.extend(entry.detail);
        }
        bytes.extend(&self.payload);
        bytes
    }
}

fn try_write(to: BorrowedFd<'_>, bytes: &[u8], rights: &[BorrowedFd<'_>]) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(rights.is_empty() || control.push(SendAncillaryMessage::ScmRights(rights)));
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(to, &[IoSlice::new(bytes)], &mut control, flags).map(drop)
}

fn write(to: BorrowedFd<'_>, bytes: &[u8], rights: &[BorrowedFd<'_>]) {
    try_write(to, bytes, rights).expect("the socket takes a packet");
}

fn socket_pair() -> (OwnedFd, OwnedFd) {
    rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap()
}

fn null() -> OwnedFd {
    std::fs::File::open("/dev/null").unwrap().into()
}

/// A port, and the raw socket of a send right to it.
struct Victim {
    port: ReceiveRight,
    raw: OwnedFd,
}

impl Victim {
    fn new() -> Self {
        let port = ReceiveRight::new().unwrap();
        let raw = port.make_send().unwrap().into_raw();
        Self { port, raw }
    }

    fn attack(&self, packet: &Packet, rights: &[BorrowedFd<'_>]) {
        write(self.raw.as_fd(), &packet.bytes(), rights);
    }

    /// What was written is refused, and an honest message behind it arrives by the same way.
    #[track_caller]
    fn refuses(&self, what: &str, status: Status) {
        let before = process::open_descriptors();
        self.attack(&Packet::new(b"honest"), &[]);
        let error = self.port.receive(SOON).expect_err(what);
        assert_eq!(error.status(), status, "{what}: {error}");
        let honest = self.port.receive(SOON).unwrap_or_else(|error| panic!("behind {what}: {error}"));
        assert_eq!(honest.payload(), b"honest", "{what}");
        assert_eq!(honest.sender().unwrap().process_id, std::process::id());
        assert_eq!(self.port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "{what}");
        assert_eq!(process::open_descriptors(), before, "{what}");
    }

    #[track_caller]
    fn refuses_packet(&self, what: &str, packet: &Packet, rights: &[BorrowedFd<'_>]) {
        self.attack(packet, rights);
        self.refuses(what, Status::Malformed);
    }
}

/// Fails the test instead of hanging it, when `body` does not end.
fn ends<T: Send + 'static>(what: &str, body: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(body()));
    told.recv_timeout(Duration::from_secs(20)).unwrap_or_else(|_| panic!("{what} does not end"))
}

#[test]
fn what_this_file_builds_is_the_format() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let memory = memfd(4096, SealFlags::SHRINK | SealFlags::GROW);
        let packet = Packet {
            flags: HAS_REPLY,
            entries: vec![Entry::new(SEND_RIGHT), Entry::memory(4096), Entry::new(DESCRIPTOR)],
            ..Packet::new(b"hello")
        };
        let (reply, (own, null)) = (socket_pair(), (socket_pair(), null()));
        victim.attack(&packet, &[reply.0.as_fd(), own.0.as_fd(), memory.as_fd(), null.as_fd()]);
        let mut message = victim.port.receive(SOON).unwrap();
        assert_eq!((message.id(), message.payload(), message.attachment_count()), (7, &b"hello"[..], 3));
        assert!(message.take_reply_right().is_some());
        assert_eq!(message.take_memory(1).unwrap().len(), 4096);
    });
}

#[test]
fn wrong_headers_are_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let good = Packet { entries: vec![Entry::new(DESCRIPTOR)], ..Packet::new(b"hello") };
        let null = null();
        let entry = Entry::new(DESCRIPTOR);
        let cases = [
            ("magic", Packet { magic: *b"SFPX", ..good.clone() }),
            ("unknown flags", Packet { flags: 4, ..good.clone() }),
            ("all flags", Packet { flags: u16::MAX, ..good.clone() }),
            ("a reserved field", Packet { reserved: 1, ..good.clone() }),
            ("fewer attachments than the table", Packet { count: Some(0), ..good.clone() }),
            ("more attachments than the table", Packet { count: Some(2), ..good.clone() }),
            ("65 attachments", Packet { count: Some(65), ..good.clone() }),
            ("65535 attachments", Packet { count: Some(u16::MAX), ..good.clone() }),
            ("a payload that is shorter", Packet { length: Some(6), ..good.clone() }),
            ("a payload that is longer", Packet { length: Some(4), ..good.clone() }),
            ("a payload over the maximum", Packet { length: Some((256 << 20) + 1), ..good.clone() }),
            ("the largest payload there is", Packet { length: Some(u64::MAX), ..good.clone() }),
            ("kind 0", Packet { entries: vec![Entry { kind: 0, ..entry.clone() }], ..good.clone() }),
            ("kind 6", Packet { entries: vec![Entry { kind: 6, ..entry.clone() }], ..good.clone() }),
            (
                "a reserved field of an entry",
                Packet { entries: vec![Entry { reserved: 1, ..entry.clone() }], ..good.clone() },
            ),
            (
                "flags of an entry",
                Packet { entries: vec![Entry { flags: 1, ..entry.clone() }], ..good.clone() },
            ),
            (
                "a length where the kind has none",
                Packet { entries: vec![Entry { length: 1, ..entry.clone() }], ..good.clone() },
            ),
            (
                "a detail where the kind has none",
                Packet { entries: vec![Entry { detail: [1; 32], ..entry }], ..good.clone() },
            ),
        ];
        for (what, packet) in cases {
            victim.refuses_packet(what, &packet, &[null.as_fd()]);
        }
        for version in [0, 2, u16::MAX] {
            victim.attack(&Packet { version, ..good.clone() }, &[null.as_fd()]);
            victim.refuses("another version", Status::Unsupported);
        }
    });
}

#[test]
fn every_truncation_is_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let null = null();
        let whole =
            Packet { entries: vec![Entry::new(DESCRIPTOR), Entry::new(DESCRIPTOR)], ..Packet::new(b"hello") };
        let whole = whole.bytes();
        for end in 0..whole.len() {
            write(victim.raw.as_fd(), &whole[..end], &[null.as_fd(), null.as_fd()]);
            victim.refuses(&format!("a packet cut at {end}"), Status::Malformed);
        }
    });
}

#[test]
fn packets_of_any_size_are_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        rustix::net::sockopt::set_socket_send_buffer_size(&victim.raw, 1 << 20).unwrap();
        for size in [24 + 64 * 48 + (32 << 10) + 1, 60_000, 120_000] {
            victim.refuses_packet("an oversized packet", &Packet::new(&vec![7; size]), &[]);
        }
        for bytes in [&b""[..], b"x", &[0; 24], &[0xff; 24], &[0xff; 4096]] {
            write(victim.raw.as_fd(), bytes, &[]);
            victim.refuses(&format!("{} bytes of garbage", bytes.len()), Status::Malformed);
        }
    });
}

#[test]
fn descriptors_that_the_table_does_not_name_are_closed() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let null = null();
        let table = |count| Packet::with(vec![Entry::new(DESCRIPTOR); count]);
        for (named, sent) in [(0, 1), (0, 253), (1, 0), (2, 1), (1, 2), (64, 63), (64, 65), (64, 253)] {
            let rights = vec![null.as_fd(); sent];
            victim.refuses_packet(&format!("{sent} descriptors for {named}"), &table(named), &rights);
        }
        victim.refuses_packet("no reply right", &Packet { flags: HAS_REPLY, ..Packet::new(b"") }, &[]);
        let out_of_line = Packet { flags: OUT_OF_LINE, length: Some(4096), ..Packet::new(b"") };
        victim.refuses_packet("no payload out of line", &out_of_line, &[]);
        // As many as are allowed do arrive.
        victim.attack(&table(MAX_ATTACHMENTS), &vec![null.as_fd(); MAX_ATTACHMENTS]);
        assert_eq!(victim.port.receive(SOON).unwrap().attachment_count(), MAX_ATTACHMENTS);
    });
}

fn memfd_of(flags: MemfdFlags, length: u64, seals: SealFlags) -> OwnedFd {
    let fd = rustix::fs::memfd_create("surfaceport-hostile", flags | MemfdFlags::CLOEXEC).unwrap();
    rustix::fs::ftruncate(&fd, length).unwrap();
    if !seals.is_empty() {
        rustix::fs::fcntl_add_seals(&fd, seals).unwrap();
    }
    fd
}

fn memfd(length: u64, seals: SealFlags) -> OwnedFd {
    memfd_of(MemfdFlags::ALLOW_SEALING, length, seals)
}

fn reopened(fd: &OwnedFd, flags: OFlags) -> OwnedFd {
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    rustix::fs::open(path, flags | OFlags::CLOEXEC, rustix::fs::Mode::empty()).unwrap()
}

const FIXED_SIZE: SealFlags = SealFlags::SHRINK.union(SealFlags::GROW);

#[test]
fn memory_that_could_change_or_is_not_as_described_is_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let fixed = memfd(4096, FIXED_SIZE);
        let (none, shrink, grow) =
            (memfd(4096, SealFlags::empty()), memfd(4096, SealFlags::SHRINK), memfd(4096, SealFlags::GROW));
        let unsealable = memfd_of(MemfdFlags::empty(), 4096, SealFlags::empty());
        let path = std::env::temp_dir().join(format!("surfaceport-hostile-{}", std::process::id()));
        let file = std::fs::File::create_new(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file.set_len(4096).unwrap();
        let file = OwnedFd::from(file);
        let (empty, (pipe, _)) = (memfd(0, FIXED_SIZE), rustix::pipe::pipe().unwrap());
        let immense = memfd(1 << 62, FIXED_SIZE);
        let (read_only, write_only, path_only) = (
            reopened(&fixed, OFlags::RDONLY),
            reopened(&fixed, OFlags::WRONLY),
            reopened(&fixed, OFlags::PATH),
        );
        let (null, socket) = (null(), socket_pair());
        let cases: [(&str, u64, &OwnedFd); 17] = [
            ("no seals", 4096, &none),
            ("no seal against growing", 4096, &shrink),
            ("no seal against shrinking", 4096, &grow),
            ("memory that takes no seals", 4096, &unsealable),
            ("memory that is longer", 4095, &fixed),
            ("memory that is shorter", 4097, &fixed),
            ("memory that is much shorter", 1 << 40, &fixed),
            ("a length beyond all", u64::MAX, &fixed),
            ("a length of 0", 0, &fixed),
            ("empty memory", 0, &empty),
            ("memory larger than any address space", 1 << 62, &immense),
            ("a file", 4096, &file),
            ("a pipe", 4096, &pipe),
            ("a device", 4096, &null),
            ("a socket", 4096, &socket.0),
            ("a descriptor that cannot be read", 4096, &write_only),
            ("a descriptor that names a path only", 4096, &path_only),
        ];
        for (what, length, fd) in cases {
            victim.refuses_packet(what, &Packet::with([Entry::memory(length)]), &[fd.as_fd()]);
            // Behind one that is as it should be: that one is given back as well.
            let two = Packet::with([Entry::memory(4096), Entry::memory(length)]);
            victim.refuses_packet(what, &two, &[fixed.as_fd(), fd.as_fd()]);
        }
        // No seal forbids to write, the descriptor does: either answer is fine, a mapping that traps is not.
        victim.refuses_packet(
            "a descriptor that cannot be written",
            &Packet::with([Entry::memory(4096)]),
            &[read_only.as_fd()],
        );
    });
}

#[test]
fn memory_of_huge_pages_is_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let flags =
            MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::HUGETLB | MemfdFlags::HUGE_2MB;
        // Where the kernel makes them at all: without a pool it still does, and a touch of the memory would kill.
        let Ok(huge) = rustix::fs::memfd_create("surfaceport-hostile", flags) else { return };
        rustix::fs::ftruncate(&huge, 2 << 20).unwrap();
        rustix::fs::fcntl_add_seals(&huge, FIXED_SIZE).unwrap();
        victim.refuses_packet("huge pages", &Packet::with([Entry::memory(2 << 20)]), &[huge.as_fd()]);
    });
}

#[test]
fn payloads_out_of_line_that_could_change_are_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let packet = |length| Packet { flags: OUT_OF_LINE, length: Some(length), ..Packet::new(b"") };
        let writable = memfd(4096, FIXED_SIZE);
        let future = memfd(4096, FIXED_SIZE | SealFlags::FUTURE_WRITE);
        let sealed = memfd(4096, FIXED_SIZE | SealFlags::WRITE);
        victim.refuses_packet("a writable payload", &packet(4096), &[writable.as_fd()]);
        victim.refuses_packet("a payload that its maker can write", &packet(4096), &[future.as_fd()]);
        victim.refuses_packet("a payload of another size", &packet(4095), &[sealed.as_fd()]);
        victim.refuses_packet("an empty payload out of line", &packet(0), &[sealed.as_fd()]);
        let both = Packet { payload: vec![1; 4096], ..packet(4096) };
        victim.refuses_packet("a payload that is inside as well", &both, &[sealed.as_fd()]);
        victim.attack(&packet(4096), &[sealed.as_fd()]);
        assert_eq!(victim.port.receive(SOON).unwrap().payload(), [0; 4096]);
    });
}

#[test]
fn surfaces_that_are_not_as_described_are_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let real = Surface::create(&SurfaceDescriptor::new(33, 170, PixelFormat::Bgra8)).unwrap();
        let size = real.allocation_size() as u64;
        let good = Entry::surface(33, 170, b"BGRA", 9);
        let mut reserved = good.clone();
        reserved.detail[31] = 1;
        let fd = memfd(size, FIXED_SIZE);
        let cases = [
            ("a width of 0", Entry::surface(0, 170, b"BGRA", 9)),
            ("a height of 0", Entry::surface(33, 0, b"BGRA", 9)),
            ("a width over the maximum", Entry::surface(16_385, 170, b"BGRA", 9)),
            ("a geometry that overflows", Entry::surface(u32::MAX, u32::MAX, b"RGhA", 9)),
            ("a geometry of 2^31", Entry::surface(1 << 31, 1 << 31, b"BGRA", 9)),
            ("a surface larger than its memory", Entry::surface(16_384, 16_384, b"BGRA", 9)),
            ("a surface smaller than its memory", Entry::surface(1, 1, b"L008", 9)),
            ("an unknown format", Entry::surface(33, 170, b"DXT1", 9)),
            ("no format", Entry::surface(33, 170, b"\0\0\0\0", 9)),
            ("an id of 0", Entry::surface(33, 170, b"BGRA", 0)),
            ("reserved bytes", reserved),
            ("a length", Entry { length: size, ..good.clone() }),
        ];
        for (what, entry) in cases {
            victim.refuses_packet(what, &Packet::with([entry]), &[fd.as_fd()]);
        }
        let memories = [
            ("a surface without seals", memfd(size, SealFlags::empty())),
            ("a surface that is read-only for us", memfd(size, FIXED_SIZE | SealFlags::FUTURE_WRITE)),
            ("a surface that is read-only for all", memfd(size, FIXED_SIZE | SealFlags::WRITE)),
            ("a surface by a read-only descriptor", reopened(&fd, OFlags::RDONLY)),
            ("a surface one page short", memfd(size - 4096, FIXED_SIZE)),
            ("a surface that is a socket", socket_pair().0),
        ];
        for (what, memory) in memories {
            victim.refuses_packet(what, &Packet::with([good.clone()]), &[memory.as_fd()]);
        }
        let live = surfaceport::surface::live_surfaces();
        assert_eq!((live.count, live.ids), (1, vec![real.id()]), "none of the refused is counted");
        victim.attack(&Packet::with([good]), &[fd.as_fd()]);
        assert_eq!(victim.port.receive(SOON).unwrap().take_surface(0).unwrap().id(), 9);
    });
}

#[test]
fn a_surfaces_shared_page_full_of_garbage_harms_nobody() {
    process::leaving_nothing(|| {
        for garbage in [0xff_u8, 0x7f, 0x01, 0x80] {
            let victim = Victim::new();
            let real = Surface::create(&SurfaceDescriptor::new(8, 8, PixelFormat::R8)).unwrap();
            let mut message = Message::new(1);
            message.attach(real.clone()).unwrap();
            let to_victim = SendRight::from_raw(victim.raw.try_clone().unwrap()).unwrap();
            to_victim.send(message, SOON).unwrap();
            let arrived = victim.port.receive(SOON).unwrap().take_surface(0).unwrap();
            let page = vec![garbage; real.allocation_size()];
            rustix::io::pwrite(real.descriptor_of_memory().unwrap(), &page, 0).unwrap();
            // What they answer is a peer's word. That they answer, and stay within the memory, is ours.
            let _ = (arrived.seed(), arrived.is_in_use(), arrived.purgeable().unwrap());
            let _ = (arrived.value("name"), arrived.value_names(), arrived.color_space());
            let _ = arrived.set_value("name", b"value");
            if arrived.increment_use_count().is_ok() {
                arrived.decrement_use_count().unwrap();
            }
        }
    });
}

fn not_ports() -> Vec<(&'static str, OwnedFd)> {
    let pair =
        |kind| rustix::net::socketpair(AddressFamily::UNIX, kind, SocketFlags::CLOEXEC, None).unwrap().0;
    let single = |domain, kind| rustix::net::socket_with(domain, kind, SocketFlags::CLOEXEC, None).unwrap();
    let listening = single(AddressFamily::UNIX, SocketType::SEQPACKET);
    // Bound to a name of the kernel's choice, which nobody connects to.
    rustix::net::bind(&listening, &rustix::net::SocketAddrUnix::new_unnamed()).unwrap();
    rustix::net::listen(&listening, 1).unwrap();
    vec![
        ("a device", null()),
        ("a folder", std::fs::File::open("/").unwrap().into()),
        ("a pipe", rustix::pipe::pipe().unwrap().0),
        ("a stream socket", pair(SocketType::STREAM)),
        ("a datagram socket", pair(SocketType::DGRAM)),
        ("a network socket", single(AddressFamily::INET, SocketType::STREAM)),
        ("a listening socket", listening),
        ("memory", memfd(4096, FIXED_SIZE)),
        ("an epoll set", rustix::event::epoll::create(rustix::event::epoll::CreateFlags::CLOEXEC).unwrap()),
    ]
}

#[test]
fn what_is_no_port_is_refused_as_a_right() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        for (what, fd) in not_ports() {
            for kind in [SEND_RIGHT, RECEIVE_RIGHT] {
                victim.refuses_packet(what, &Packet::with([Entry::new(kind)]), &[fd.as_fd()]);
            }
            victim.refuses_packet(what, &Packet { flags: HAS_REPLY, ..Packet::new(b"") }, &[fd.as_fd()]);
            assert_eq!(SendRight::from_raw(fd).unwrap_err().status(), Status::Malformed, "{what}");
        }
        for (what, fd) in not_ports() {
            assert_eq!(ReceiveRight::from_raw(fd).unwrap_err().status(), Status::Malformed, "{what}");
        }
    });
}

#[test]
fn a_socket_without_another_end_is_a_dead_port() {
    process::leaving_nothing(|| {
        let lone = || {
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap()
        };
        let send = SendRight::from_raw(lone()).unwrap();
        assert!(send.is_dead().unwrap());
        assert_eq!(send.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        let receive = ReceiveRight::from_raw(lone()).unwrap();
        assert_eq!(receive.receive(SOON).unwrap_err().status(), Status::NoSenders);
        assert_eq!(receive.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
    });
}

/// The bytes and the lanes of one packet of a moving receive right.
type Part<'a> = (&'a [u8], Vec<BorrowedFd<'a>>);

/// A receive right's carrier, as it lies in a message: the packets in it, and its other end, which an honest sender
/// has closed.
fn carrier(packets: &[Part<'_>]) -> (OwnedFd, OwnedFd) {
    let (reading, writing) = socket_pair();
    for (bytes, rights) in packets {
        write(writing.as_fd(), bytes, rights);
    }
    (reading, writing)
}

#[test]
fn receive_rights_that_are_not_packed_right_are_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let (lane, null, stream) = (socket_pair(), null(), not_ports().remove(3).1);
        let (fd, many) = (lane.0.as_fd(), vec![lane.0.as_fd(); 253]);
        let cases: [(&str, Vec<Part<'_>>); 14] = [
            ("nothing", vec![]),
            ("a short head", vec![(&[1], vec![])]),
            ("a long head", vec![(&[1, 0, 0], vec![])]),
            ("a head of garbage", vec![(&[2, 0], vec![])]),
            ("a head of other garbage", vec![(&[0, 0xff], vec![])]),
            ("a lane and no head", vec![(&[0], vec![fd])]),
            ("a lane too few", vec![(&[1, 0], vec![]), (&[0, 0], vec![fd])]),
            ("a lane too many", vec![(&[1, 0], vec![]), (&[0], vec![fd, fd])]),
            ("lanes beside the head", vec![(&[1, 0], vec![fd, fd])]),
            ("a lane of unknown kind", vec![(&[1, 0], vec![]), (&[2], vec![fd])]),
            ("a lane that is a device", vec![(&[1, 0], vec![]), (&[0], vec![null.as_fd()])]),
            ("a lane that is a stream", vec![(&[1, 0], vec![]), (&[0], vec![stream.as_fd()])]),
            ("a packet of 253 lanes and one kind", vec![(&[1, 0], vec![]), (&[0], many)]),
            ("an oversized packet", vec![(&[1, 0], vec![]), (&[0; 300], vec![])]),
        ];
        for (what, packets) in cases {
            let (reading, writing) = carrier(&packets);
            drop(writing);
            victim.attack(&Packet::with([Entry::new(RECEIVE_RIGHT)]), &[reading.as_fd()]);
            drop(reading);
            let mut message = victim.port.receive(SOON).unwrap();
            let before = process::open_descriptors();
            let error = message.take_receive_right(0).expect_err(what);
            assert_eq!(error.status(), Status::Malformed, "{what}");
            assert_eq!(
                process::open_descriptors(),
                before - 1,
                "{what}: its carrier is closed, nothing else"
            );
            assert_eq!(message.attachment_kind(0), None, "{what}: it is destroyed");
        }
    });
}

#[test]
fn a_receive_right_whose_sender_goes_on_writing_is_refused() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let lane = socket_pair();
        let (reading, writing) = carrier(&[(&[1, 0], vec![]), (&[0], vec![lane.0.as_fd()])]);
        victim.attack(&Packet::with([Entry::new(RECEIVE_RIGHT)]), &[reading.as_fd()]);
        let mut message = victim.port.receive(SOON).unwrap();
        let error = ends("unpacking", move || message.take_receive_right(0).unwrap_err());
        assert_eq!(error.status(), Status::Malformed);
        // More packets than a right can have, and none of them the last.
        while try_write(writing.as_fd(), &[0], &[lane.0.as_fd()]).is_ok() {}
        victim.attack(&Packet::with([Entry::new(RECEIVE_RIGHT)]), &[reading.as_fd()]);
        let mut message = victim.port.receive(SOON).unwrap();
        let error = ends("unpacking", move || message.take_receive_right(0).unwrap_err());
        assert_eq!(error.status(), Status::Malformed);
    });
}

/// A receive right that its former owner has kept all parts of.
struct Kept {
    port: ReceiveRight,
    receiving: Vec<OwnedFd>,
    sending: Vec<Option<OwnedFd>>,
}

impl Kept {
    fn new(kinds: &[u8]) -> Self {
        let victim = Victim::new();
        let (receiving, sending): (Vec<_>, Vec<_>) = kinds.iter().map(|_| socket_pair()).unzip();
        for lane in &receiving {
            rustix::net::sockopt::set_socket_passcred(lane, true).unwrap();
        }
        let lanes = receiving.iter().map(AsFd::as_fd).collect();
        let (reading, writing) = carrier(&[(&[1, 0], vec![]), (kinds, lanes)]);
        drop(writing);
        victim.attack(&Packet::with([Entry::new(RECEIVE_RIGHT)]), &[reading.as_fd()]);
        let port = victim.port.receive(SOON).unwrap().take_receive_right(0).unwrap();
        Self { port, receiving, sending: sending.into_iter().map(Some).collect() }
    }
}

#[test]
fn lanes_that_the_former_owner_keeps_do_not_hang_the_new_one() {
    process::leaving_nothing(|| {
        // Two lanes end; their sockets live on in the former owner's descriptors, and with them their places in
        // an epoll set.
        let Kept { port, receiving, mut sending } = Kept::new(&[0, 0, 0]);
        sending[0] = None;
        sending[1] = None;
        let port = ends("receiving", move || {
            assert_eq!(port.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
            port
        });
        write(sending[2].as_ref().unwrap().as_fd(), &Packet::new(b"honest").bytes(), &[]);
        assert_eq!(port.receive(SOON).unwrap().payload(), b"honest");
        sending[2] = None;
        assert_eq!(port.receive(SOON).unwrap_err().status(), Status::NoSenders);
        let set = PortSet::new().unwrap();
        set.add(&port, 1).unwrap();
        assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut, "it is silent");
        drop(receiving);
    });
}

#[test]
fn a_send_once_lane_that_is_kept_does_not_hang_its_receiver() {
    process::leaving_nothing(|| {
        let Kept { port, receiving, sending } = Kept::new(&[1, 0]);
        for payload in [&b"first"[..], b"second"] {
            write(sending[0].as_ref().unwrap().as_fd(), &Packet::new(payload).bytes(), &[]);
        }
        assert_eq!(port.receive(SOON).unwrap().payload(), b"first");
        let port = ends("receiving", move || {
            assert_eq!(port.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
            port
        });
        drop((port, receiving));
    });
}

#[test]
fn a_peek_offset_that_hides_messages_does_not_hang_the_new_owner() {
    process::leaving_nothing(|| {
        for lanes in [&[0_u8][..], &[0, 0]] {
            let Kept { port, receiving, sending } = Kept::new(lanes);
            write(sending[0].as_ref().unwrap().as_fd(), &Packet::new(b"hidden").bytes(), &[]);
            set_peek_offset(receiving[0].as_fd(), 1 << 20);
            let answer =
                ends("receiving", move || port.receive(BRIEFLY).map(|message| message.payload().to_vec()));
            // It may find the message all the same; it must not look for it for ever.
            match answer {
                Ok(payload) => assert_eq!(payload, b"hidden"),
                Err(error) => assert_eq!(error.status(), Status::TimedOut),
            }
        }
    });
}

#[allow(unsafe_code)]
fn set_peek_offset(socket: BorrowedFd<'_>, offset: libc::c_int) {
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the value is a C int that lives across the call, and its size is given.
    let outcome = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEEK_OFF,
            (&raw const offset).cast(),
            length,
        )
    };
    assert_eq!(outcome, 0);
}

#[test]
fn lanes_without_another_end_do_not_hang_a_moved_right() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let lone = || {
            rustix::net::socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .unwrap()
        };
        let (first, second) = (lone(), lone());
        let (reading, writing) =
            carrier(&[(&[1, 0], vec![]), (&[0, 0], vec![first.as_fd(), second.as_fd()])]);
        drop(writing);
        victim.attack(&Packet::with([Entry::new(RECEIVE_RIGHT)]), &[reading.as_fd()]);
        let port = victim.port.receive(SOON).unwrap().take_receive_right(0).unwrap();
        ends("receiving", move || {
            assert_eq!(port.receive(SOON).unwrap_err().status(), Status::NoSenders);
            assert_eq!(port.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
        });
    });
}

#[test]
fn a_lane_that_hides_its_senders_brings_no_identity_that_is_made_up() {
    process::leaving_nothing(|| {
        let Kept { port, receiving, sending } = Kept::new(&[0]);
        rustix::net::sockopt::set_socket_passcred(&receiving[0], false).unwrap();
        write(sending[0].as_ref().unwrap().as_fd(), &Packet::new(b"who").bytes(), &[]);
        let hidden = port.receive(SOON);
        assert_eq!(hidden.unwrap_err().status(), Status::Malformed);
        // Switched on again behind the message: the kernel can only say that it does not know.
        write(sending[0].as_ref().unwrap().as_fd(), &Packet::new(b"who").bytes(), &[]);
        rustix::net::sockopt::set_socket_passcred(&receiving[0], true).unwrap();
        match port.receive(SOON) {
            Ok(message) => assert_eq!(message.sender().unwrap().process_id, 0),
            Err(error) => assert_eq!(error.status(), Status::Malformed),
        }
    });
}

#[test]
fn what_was_queued_before_identities_were_asked_for_names_nobody() {
    process::leaving_nothing(|| {
        let (receiving, sending) = socket_pair();
        write(sending.as_fd(), &Packet::new(b"early").bytes(), &[]);
        let port = ReceiveRight::from_raw(receiving).unwrap();
        write(sending.as_fd(), &Packet::new(b"late").bytes(), &[]);
        assert_eq!(port.receive(SOON).unwrap().sender().unwrap().process_id, 0);
        assert_eq!(port.receive(SOON).unwrap().sender().unwrap().process_id, std::process::id());
    });
}

#[test]
fn a_second_message_through_a_send_once_right_is_not_received() {
    process::leaving_nothing(|| {
        let (victim, accomplice) = (Victim::new(), Victim::new());
        // A reply right is the only send-once right that goes out; its holder looks at the bare descriptor.
        let once: SendOnceRight = victim.port.make_send_once().unwrap();
        let mut request = Message::new(1);
        request.set_reply_right(once);
        SendRight::from_raw(accomplice.raw).unwrap().send(request, SOON).unwrap();
        let raw = accomplice.port.into_raw().unwrap();
        let stolen = receive_one_descriptor(raw.as_fd());
        for payload in [&b"first"[..], b"second", b"third"] {
            write(stolen.as_fd(), &Packet::new(payload).bytes(), &[]);
        }
        assert_eq!(victim.port.receive(SOON).unwrap().payload(), b"first");
        assert_eq!(victim.port.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
        // The first attempt is told that the others were thrown away, later ones that the way is closed.
        assert_eq!(try_write(stolen.as_fd(), b"x", &[]), Err(Errno::CONNRESET));
        assert_eq!(try_write(stolen.as_fd(), b"x", &[]), Err(Errno::PIPE));
        victim.attack(&Packet::new(b"honest"), &[]);
        assert_eq!(victim.port.receive(SOON).unwrap().payload(), b"honest");
    });
}

fn receive_one_descriptor(from: BorrowedFd<'_>) -> OwnedFd {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4), ScmCredentials(1))];
    let mut control = rustix::net::RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 4096];
    rustix::net::recvmsg(
        from,
        &mut [std::io::IoSliceMut::new(&mut bytes)],
        &mut control,
        rustix::net::RecvFlags::CMSG_CLOEXEC,
    )
    .unwrap();
    let mut descriptors = control.drain().filter_map(|message| match message {
        rustix::net::RecvAncillaryMessage::ScmRights(rights) => Some(rights),
        _ => None,
    });
    descriptors.next().and_then(|mut rights| rights.next()).expect("a descriptor in the message")
}

#[test]
fn the_peer_cannot_make_a_call_block_or_spin_by_switching_o_nonblock() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let clone = SendRight::from_raw(victim.raw.try_clone().unwrap()).unwrap();
        for nonblocking in [false, true] {
            rustix::io::ioctl_fionbio(&victim.raw, nonblocking).unwrap();
            // A full queue: no wait where none was asked for, a whole one where it was.
            while clone.send(Message::with_payload(1, vec![0; 30_000]).unwrap(), Timeout::NONE).is_ok() {}
            assert_eq!(clone.send(Message::new(2), Timeout::NONE).unwrap_err().status(), Status::TimedOut);
            let start = std::time::Instant::now();
            let big = Message::with_payload(2, vec![0; 30_000]).unwrap();
            assert_eq!(clone.send(big, BRIEFLY).unwrap_err().status(), Status::TimedOut);
            assert!(start.elapsed() >= Duration::from_millis(20), "the wait was cut short");
            while victim.port.receive(Timeout::NONE).is_ok() {}
        }
        // The receiving side, which only a former owner shares.
        let Kept { port, receiving, sending } = Kept::new(&[0]);
        for nonblocking in [true, false] {
            rustix::io::ioctl_fionbio(&receiving[0], nonblocking).unwrap();
            assert_eq!(port.receive(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
            let start = std::time::Instant::now();
            assert_eq!(port.receive(BRIEFLY).unwrap_err().status(), Status::TimedOut);
            assert!(start.elapsed() >= Duration::from_millis(20), "the wait was cut short");
            write(sending[0].as_ref().unwrap().as_fd(), &Packet::new(b"honest").bytes(), &[]);
            assert_eq!(port.receive(SOON).unwrap().payload(), b"honest");
        }
    });
}

#[test]
fn a_flood_from_one_peer_leaves_the_others_their_turn() {
    process::leaving_nothing(|| {
        let victim = Victim::new();
        let honest = victim.port.make_send().unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        let order = std::sync::atomic::Ordering::Relaxed;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // Garbage as fast as the queue takes it, empty packets among it.
                while !stop.load(order) {
                    let _ = try_write(victim.raw.as_fd(), b"garbage", &[]);
                    let _ = try_write(victim.raw.as_fd(), b"", &[]);
                }
            });
            for n in 0..100 {
                honest.send(Message::new(n), SOON).unwrap();
                let mut refused = 0;
                loop {
                    match victim.port.receive(SOON) {
                        Ok(message) => break assert_eq!(message.id(), n),
                        Err(error) => assert_eq!(error.status(), Status::Malformed),
                    }
                    refused += 1;
                    assert!(refused < 10, "the flood has more than its turn");
                }
            }
            stop.store(true, order);
        });
    });
}

#[test]
fn an_end_that_is_shut_down_is_an_end() {
    process::leaving_nothing(|| {
        for how in [Shutdown::Write, Shutdown::Both] {
            let victim = Victim::new();
            victim.attack(&Packet::new(b"last"), &[]);
            rustix::net::shutdown(&victim.raw, how).unwrap();
            assert_eq!(victim.port.receive(SOON).unwrap().payload(), b"last");
            assert_eq!(victim.port.receive(SOON).unwrap_err().status(), Status::NoSenders);
        }
        // The other way round: a receiver who says that it reads no more.
        let Kept { port, receiving, mut sending } = Kept::new(&[0]);
        let send = SendRight::from_raw(sending[0].take().unwrap()).unwrap();
        rustix::net::shutdown(&receiving[0], Shutdown::Both).unwrap();
        let set = PortSet::new().unwrap();
        set.watch(&send, 5).unwrap();
        assert_eq!(set.wait(SOON).unwrap(), Ready::Dead(5));
        assert_eq!(send.send(Message::new(1), SOON).unwrap_err().status(), Status::PeerDead);
        drop(port);
    });
}

#[test]
fn a_right_that_moved_is_silent_in_the_set_that_it_left() {
    process::leaving_nothing(|| {
        let (victim, carrier) = (Victim::new(), Victim::new());
        let second = victim.port.make_send().unwrap();
        let set = PortSet::new().unwrap();
        set.add(&victim.port, 1).unwrap();
        let mut message = Message::new(1);
        message.attach(victim.port).unwrap();
        SendRight::from_raw(carrier.raw).unwrap().send(message, SOON).unwrap();
        let moved = carrier.port.receive(SOON).unwrap().take_receive_right(0).unwrap();
        second.send(Message::new(2), SOON).unwrap();
        assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        assert_eq!(moved.receive(SOON).unwrap().id(), 2);
        set.remove(1).unwrap();
        set.add(&moved, 1).unwrap();
        second.send(Message::new(3), SOON).unwrap();
        assert_eq!(set.wait(SOON).unwrap(), Ready::Receive(1));
        // So is one that left in its raw form.
        let sender = moved.make_send().unwrap();
        drop((second, victim.raw));
        let mut notice = moved.receive(SOON);
        while notice.is_ok() {
            notice = moved.receive(BRIEFLY);
        }
        let raw = moved.into_raw().unwrap();
        sender.send(Message::new(4), SOON).unwrap();
        assert_eq!(set.wait(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
        drop(raw);
    });
}

/// Opens descriptors until none is left, then gives `free` of them back.
fn use_up_descriptors(free: usize) -> Vec<OwnedFd> {
    let null = null();
    let mut all = Vec::new();
    while let Ok(fd) = null.try_clone() {
        all.push(fd);
    }
    all.push(null);
    all.truncate(all.len() - free);
    all
}

fn limit_descriptors(soft: u64) {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(soft), ..limit }).unwrap();
}

fn few_descriptors(_: &str) {
    limit_descriptors(128);
    let victim = Victim::new();
    let honest = victim.port.make_send().unwrap();
    let inner = ReceiveRight::new().unwrap();
    let to_inner = inner.make_send().unwrap();
    to_inner.send(Message::new(77), SOON).unwrap();
    let mut message = Message::with_payload(5, vec![9; 100_000]).unwrap();
    message.attach(MemoryRegion::create(10, Access::ReadWrite).unwrap()).unwrap();
    message.attach(Surface::create(&SurfaceDescriptor::new(4, 4, PixelFormat::R8)).unwrap()).unwrap();
    message.attach(victim.port.make_send().unwrap()).unwrap();
    message.attach(inner).unwrap();
    message.attach(null()).unwrap();
    message.set_reply_right(victim.port.make_send_once().unwrap());
    honest.send(message, SOON).unwrap();
    // The payload, the right to reply and five attachments.
    let needed = 7;
    for free in 0..needed {
        let rest = use_up_descriptors(free);
        let before = process::open_descriptors_without_looking();
        for _ in 0..2 {
            let error = victim.port.receive(SOON).unwrap_err();
            assert_eq!(error.status(), Status::ResourceExhausted, "{free} free: {error}");
            assert_eq!(process::open_descriptors_without_looking(), before, "{free} free");
        }
        // What cannot be a message does not wait for descriptors: it would hold up what is behind it.
        if free == 0 {
            victim.attack(&Packet::with([]), &[victim.raw.as_fd()]);
            let mut seen = [victim.port.receive(SOON), victim.port.receive(SOON)]
                .map(|answer| answer.unwrap_err().status() as i32);
            seen.sort_unstable();
            assert_eq!(seen, [Status::ResourceExhausted as i32, Status::Malformed as i32]);
        }
        drop(rest);
    }
    let rest = use_up_descriptors(needed);
    let mut message = victim.port.receive(SOON).unwrap();
    assert_eq!((message.id(), message.attachment_count()), (5, 5));
    assert_eq!(message.payload(), [9; 100_000]);
    // Nothing is left for the receive right's own descriptors: it stays in the message.
    for _ in 0..2 {
        let error = message.take_receive_right(3).unwrap_err();
        assert_eq!(error.status(), Status::ResourceExhausted, "{error}");
    }
    drop(rest);
    let inner = message.take_receive_right(3).unwrap();
    assert_eq!(inner.receive(SOON).unwrap().id(), 77);
    to_inner.send(Message::new(78), SOON).unwrap();
    assert_eq!(inner.receive(SOON).unwrap().id(), 78);
    message.take_reply_right().unwrap().send(Message::new(6), SOON).unwrap();
    assert_eq!(victim.port.receive(SOON).unwrap().id(), 6);
}

/// Role: the port of a name, which needs a descriptor for who looks it up and one for each sender's process.
fn few_descriptors_at_a_name(name: &str) {
    limit_descriptors(128);
    let port = surfaceport::bootstrap::check_in(name).unwrap();
    let known = surfaceport::bootstrap::look_up(name, SOON).unwrap();
    known.send(Message::new(1), SOON).unwrap();
    assert_eq!(port.receive(SOON).unwrap().id(), 1);
    known.send(Message::new(2), SOON).unwrap();
    let rest = use_up_descriptors(0);
    for _ in 0..2 {
        match port.receive(SOON) {
            Err(error) => assert_eq!(error.status(), Status::ResourceExhausted, "{error}"),
            // A kernel before 6.5 has no handles, so the message needs no descriptor.
            Ok(message) => assert_eq!(message.id(), 2),
        }
        known.send(Message::new(2), SOON).unwrap();
    }
    drop(rest);
    while port.receive(BRIEFLY).is_ok() {}
    let new = surfaceport::bootstrap::look_up(name, SOON).unwrap();
    new.send(Message::new(3), SOON).unwrap();
    let rest = use_up_descriptors(0);
    for _ in 0..2 {
        assert_eq!(port.receive(SOON).unwrap_err().status(), Status::ResourceExhausted);
    }
    drop(rest);
    assert_eq!(port.receive(SOON).unwrap().id(), 3);
}

#[test]
fn running_out_of_descriptors_loses_no_look_up() {
    let _alone = process::alone();
    let name = process::unique_name("few");
    assert!(process::Peer::start("few descriptors at a name", &name).wait().success());
}

#[test]
fn running_out_of_descriptors_loses_no_message_and_no_right() {
    let _alone = process::alone();
    assert!(process::Peer::start("few descriptors", "").wait().success());
}

fn few_descriptors_many_lanes(_: &str) {
    limit_descriptors(1024);
    let victim = Victim::new();
    let honest = SendRight::from_raw(victim.raw.try_clone().unwrap()).unwrap();
    let many = ReceiveRight::new().unwrap();
    // More than one packet of a move holds. Only half of the table: the other half are the receiving ends.
    let senders: Vec<SendRight> = (0..450).map(|_| many.make_send().unwrap()).collect();
    for (n, sender) in senders.iter().enumerate() {
        sender.send(Message::new(n as u32), SOON).unwrap();
    }
    let mut message = Message::new(1);
    message.attach(many).unwrap();
    honest.send(message, SOON).unwrap();
    let mut message = victim.port.receive(SOON).unwrap();
    for free in [0, 1, 2, 199, 200, 201, 202, 350, 399, 400, 401, 449, 450] {
        let rest = use_up_descriptors(free);
        let before = process::open_descriptors_without_looking();
        let error = message.take_receive_right(0).unwrap_err();
        assert_eq!(error.status(), Status::ResourceExhausted, "{free} free: {error}");
        assert_eq!(process::open_descriptors_without_looking(), before, "{free} free");
        drop(rest);
    }
    let rest = use_up_descriptors(452);
    let many = message.take_receive_right(0).unwrap();
    drop(rest);
    let mut seen: Vec<u32> = (0..450).map(|_| many.receive(SOON).unwrap().id()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..450).collect::<Vec<_>>());
    drop(senders);
    assert_eq!(many.receive(SOON).unwrap_err().status(), Status::NoSenders);
}

#[test]
fn running_out_of_descriptors_loses_no_lane_of_a_receive_right() {
    let _alone = process::alone();
    assert!(process::Peer::start("few descriptors, many lanes", "").wait().success());
}

fn little_address_space(_: &str) {
    const REGION: usize = 1 << 30;
    let victim = Victim::new();
    let honest = SendRight::from_raw(victim.raw.try_clone().unwrap()).unwrap();
    let once = Victim::new();
    for (send, region) in [(&honest, REGION), (&honest, 10)] {
        let mut message = Message::new(region as u32);
        message.attach(MemoryRegion::create(region, Access::ReadWrite).unwrap()).unwrap();
        send.send(message, SOON).unwrap();
    }
    let pages: u64 =
        std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').next().unwrap().parse().unwrap();
    let whole = getrlimit(Resource::As);
    // Room for what a test needs by itself, and not for the region.
    let little = pages * rustix::param::page_size() as u64 + (REGION as u64) / 2;
    setrlimit(Resource::As, Rlimit { current: Some(little), ..whole }).unwrap();
    for _ in 0..2 {
        let error = victim.port.receive(SOON).unwrap_err();
        assert_eq!(error.status(), Status::ResourceExhausted, "{error}");
    }
    setrlimit(Resource::As, whole).unwrap();
    assert_eq!(victim.port.receive(SOON).unwrap().take_memory(0).unwrap().len(), REGION);
    assert_eq!(victim.port.receive(SOON).unwrap().take_memory(0).unwrap().len(), 10);
    drop(once);
}

#[test]
fn running_out_of_address_space_loses_no_message() {
    let _alone = process::alone();
    assert!(process::Peer::start("little address space", "").wait().success());
}

fn own_credentials() -> rustix::net::UCred {
    rustix::net::UCred {
        pid: rustix::process::getpid(),
        uid: rustix::process::getuid(),
        gid: rustix::process::getgid(),
    }
}

fn write_as(to: BorrowedFd<'_>, who: rustix::net::UCred) -> Result<(), Errno> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmCredentials(who)));
    let packet = Packet::new(b"who").bytes();
    rustix::net::sendmsg(to, &[IoSlice::new(&packet)], &mut control, SendFlags::NOSIGNAL).map(drop)
}

/// Becomes nobody, if this is root, and then tries to be somebody else.
fn another_user(name: &str) {
    let send = surfaceport::bootstrap::look_up(name, SOON).unwrap();
    become_nobody();
    let me = own_credentials();
    send.send(Message::new(1), SOON).unwrap();
    let raw = send.into_raw();
    write_as(raw.as_fd(), me).unwrap();
    let others = [
        rustix::net::UCred { uid: rustix::process::Uid::from_raw(me.uid.as_raw() ^ 1), ..me },
        rustix::net::UCred { uid: rustix::process::Uid::ROOT, ..me },
        rustix::net::UCred { gid: rustix::process::Gid::from_raw(me.gid.as_raw() ^ 1), ..me },
        rustix::net::UCred { pid: rustix::process::getppid().unwrap(), ..me },
        rustix::net::UCred { pid: rustix::process::Pid::INIT, ..me },
    ];
    for who in others {
        if who.uid != me.uid || who.gid != me.gid || who.pid != me.pid {
            assert_eq!(write_as(raw.as_fd(), who), Err(Errno::PERM), "{who:?}");
        }
    }
    write(raw.as_fd(), &Packet { id: 2, ..Packet::new(b"") }.bytes(), &[]);
}

#[allow(unsafe_code)]
fn become_nobody() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // SAFETY: these calls change what the process may do and no memory; glibc applies them to all threads.
    let outcomes = unsafe {
        [
            libc::setgroups(0, std::ptr::null()),
            libc::setresgid(65_534, 65_534, 65_534),
            libc::setresuid(65_534, 65_534, 65_534),
        ]
    };
    assert_eq!(outcomes, [0; 3]);
}

#[test]
fn the_kernel_lets_nobody_say_that_it_is_somebody_else() {
    let _alone = process::alone();
    let name = process::unique_name("identity");
    let port = surfaceport::bootstrap::check_in(&name).unwrap();
    let peer = process::Peer::start("another user", &name);
    let id = peer.id();
    let user = rustix::process::getuid();
    let expected = if user.is_root() {
        (id, 65_534, 65_534)
    } else {
        (id, user.as_raw(), rustix::process::getgid().as_raw())
    };
    for message_id in [1, 7, 2] {
        let message = port.receive(SOON).unwrap();
        let sender = message.sender().unwrap();
        assert_eq!(message.id(), message_id);
        assert_eq!((sender.process_id, sender.user_id, sender.group_id), expected);
    }
    assert!(peer.wait().success());
}
