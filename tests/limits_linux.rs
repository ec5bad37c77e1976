//! Limits of a process on Linux: each is an error, and none ends the process or loses anything. What lowers a limit or
//! closes descriptors is a process of its own.
#![cfg(target_os = "linux")]
#![allow(missing_docs, unsafe_code)]

mod process;

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use process::session::{SOON, in_a_process_of_its_own, is_readable, options};
use rustix::process::{Resource, Rlimit, setrlimit};
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::channel::Channel;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::port::{PortSet, Ready, ReceiveRight, SendRight};
use surfaceport::session::{Child, Host};
use surfaceport::surface::PixelFormat;
use surfaceport::swapchain::{PresentInfo, Producer};
use surfaceport::{Error, Status, Timeout};

peers! {
    "small files" => small_files,
    "little memory" => little_memory,
    "nothing standard" => nothing_standard,
    "echo with an attachment" => echo_with_an_attachment,
}

fn port() -> (ReceiveRight, SendRight) {
    let right = ReceiveRight::new().unwrap();
    let send = right.make_send().unwrap();
    (right, send)
}

fn assert_exhausted<T: std::fmt::Debug>(outcome: Result<T, impl Into<Error>>) -> Error {
    let error = outcome.unwrap_err().into();
    assert_eq!(error.status(), Status::ResourceExhausted, "{error}");
    error
}

#[test]
fn a_limit_of_file_sizes_ends_no_process() {
    in_a_process_of_its_own("small files", "");
}

fn small_files(_: &str) {
    const LIMIT: usize = 1 << 20;
    setrlimit(Resource::Fsize, Rlimit { current: Some(LIMIT as u64), maximum: Some(LIMIT as u64) }).unwrap();
    for length in [LIMIT + 1, 8 << 20, 1 << 33] {
        let error = assert_exhausted(MemoryRegion::create(length, Access::ReadWrite));
        assert!(error.message().contains("RLIMIT_FSIZE"), "{error}");
    }
    drop(MemoryRegion::create(LIMIT, Access::ReadWrite).unwrap());
    let (right, send) = port();
    // A payload over the limit comes back whole; one within it arrives.
    let large = Message::with_payload(1, vec![7; 2 * LIMIT]).unwrap();
    let failure = send.send(large, SOON).unwrap_err();
    assert_eq!(failure.status(), Status::ResourceExhausted);
    assert!(failure.error().message().contains("RLIMIT_FSIZE"), "{failure}");
    assert_eq!(failure.into_message().unwrap().payload(), vec![7; 2 * LIMIT]);
    send.send(Message::with_payload(2, vec![8; LIMIT]).unwrap(), SOON).unwrap();
    let arrived = right.receive(SOON).unwrap();
    assert_eq!((arrived.id(), arrived.payload().len()), (2, LIMIT));
    let descriptor = surfaceport::surface::SurfaceDescriptor::new(1920, 1080, PixelFormat::Bgra8);
    assert_exhausted(surfaceport::surface::Surface::create(&descriptor));
    let mut options = process::plain::swapchain_options();
    (options.width, options.height) = (1920, 1080);
    let producer = Producer::create(&options);
    assert_exhausted(producer.and_then(|producer| producer.acquire(Timeout::NONE).map(drop)));
}

#[test]
fn a_lack_of_memory_ends_no_process() {
    in_a_process_of_its_own("little memory", "");
}

fn little_memory(_: &str) {
    const LARGE: usize = 200 << 20;
    let (right, send) = port();
    let (one, other) = Channel::pair().unwrap();
    let (one, other) = (one.open(), other.open());
    // What is there before the limit does not count; what comes after does.
    let bytes = vec![5; LARGE];
    let payload = bytes.clone();
    let leave_memory = || {
        let mapped = process::mapped_bytes() as u64 + (64 << 20);
        setrlimit(Resource::As, Rlimit { current: Some(mapped), maximum: None }).unwrap();
    };
    leave_memory();
    let mut message = Message::with_payload(1, b"whole".to_vec()).unwrap();
    let error = assert_exhausted(message.append(&bytes));
    assert!(error.message().contains("memory"), "{error}");
    assert_eq!(message.payload(), b"whole");
    message.append(b", still").unwrap();
    send.send(message, SOON).unwrap();
    let mut arrived = right.receive(SOON).unwrap();
    assert_eq!(arrived.payload(), b"whole, still");
    assert_exhausted(arrived.append(&bytes));
    assert_eq!(arrived.payload(), b"whole, still");
    // A message that is there, and for whose region there is no room.
    let failure = send.send(Message::with_payload(2, payload).unwrap(), SOON).unwrap_err();
    assert_eq!(failure.status(), Status::ResourceExhausted);
    let large = failure.into_message().unwrap();
    assert_eq!(large.payload().len(), LARGE);
    drop(bytes);
    send.send(large, SOON).unwrap();
    let mut arrived = right.receive(SOON).unwrap();
    assert_eq!(arrived.payload().len(), LARGE);
    // The bytes of this one are a region of the system's, which would have to be copied.
    let before = arrived.payload().as_ptr();
    leave_memory();
    assert_exhausted(arrived.append(b"and one"));
    assert_eq!((arrived.payload().as_ptr(), arrived.payload().len()), (before, LARGE));
    assert_exhausted(MemoryRegion::create(LARGE, Access::ReadWrite));
    for n in 0..100 {
        one.send(Message::with_payload(n, vec![1; 100_000]).unwrap(), SOON).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), n);
    }
}

#[test]
fn no_descriptor_of_the_library_is_a_standard_one() {
    for closed in [7, 1, 4, 5] {
        in_a_process_of_its_own("nothing standard", &closed.to_string());
    }
}

/// Panics if one of the first three is open again.
fn assert_closed(closed: i32, what: &str) {
    for number in (0..3).filter(|number| closed >> number & 1 != 0) {
        // SAFETY: takes numbers only.
        let outcome = unsafe { libc::fcntl(number, libc::F_GETFD) };
        assert_eq!(outcome, -1, "{what}: descriptor {number} is the library's");
    }
}

/// A descriptor of the program's own, which is none of the first three.
fn own_descriptor() -> OwnedFd {
    // SAFETY: takes numbers only; the answer is a new descriptor, or panics.
    unsafe {
        let folder = libc::open(c"/".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let high = libc::fcntl(folder, libc::F_DUPFD_CLOEXEC, 10);
        libc::close(folder);
        assert!(high >= 10);
        OwnedFd::from_raw_fd(high)
    }
}

fn nothing_standard(closed: &str) {
    let closed: i32 = closed.parse().unwrap();
    for number in (0..3).filter(|number| closed >> number & 1 != 0) {
        // SAFETY: nothing in this process owns them.
        unsafe { libc::close(number) };
    }
    let check = |what: &str| assert_closed(closed, what);
    let (right, send) = port();
    check("a port");
    let clone = send.try_clone().unwrap();
    check("a clone");
    let region = MemoryRegion::create(4096, Access::ReadWrite).unwrap();
    let surface = process::plain::surface(64, 64, PixelFormat::Bgra8);
    check("memory");
    let set = PortSet::new().unwrap();
    set.add(&right, 1).unwrap();
    set.watch(&clone, 2).unwrap();
    check("a port set");
    let (moved, to_moved) = port();
    let mut message = Message::with_payload(1, vec![1; 100_000]).unwrap();
    message.attach(region).unwrap();
    message.attach(surface).unwrap();
    message.attach(own_descriptor()).unwrap();
    message.attach(moved).unwrap();
    message.attach(clone).unwrap();
    to_moved.send(Message::new(7), SOON).unwrap();
    send.send(message, SOON).unwrap();
    check("a message that was sent");
    assert_eq!(set.wait(SOON).unwrap(), Ready::Receive(1));
    let mut arrived = right.receive(SOON).unwrap();
    check("a message that arrived");
    let file = arrived.take_descriptor(2).unwrap();
    assert!(file.as_raw_fd() > 2);
    let moved = arrived.take_receive_right(3).unwrap();
    assert_eq!(moved.receive(SOON).unwrap().id(), 7);
    check("a right that moved");
    let name = process::unique_name("standard");
    let owned = check_in(&name).unwrap();
    let found = look_up(&name, SOON).unwrap();
    found.send(Message::new(3), SOON).unwrap();
    assert_eq!(owned.receive(SOON).unwrap().id(), 3);
    let missing = look_up(&process::unique_name("nobody"), Timeout::from_nanoseconds(1_000_000));
    assert_eq!(missing.unwrap_err().status(), Status::TimedOut);
    check("a name");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| send.request(Message::new(4), SOON).unwrap().id());
        let mut request = right.receive(SOON).unwrap();
        let answer = request.take_reply_right().unwrap();
        check("a request");
        answer.send(Message::new(5), SOON).unwrap();
        assert_eq!(asked.join().unwrap(), 5);
    });
    let (one, other) = Channel::pair().unwrap();
    let (one, other) = (one.open(), other.open());
    let _ = one.writable_descriptor().unwrap();
    for n in 0..50 {
        one.send(Message::with_payload(n, vec![1; 50_000]).unwrap(), SOON).unwrap();
        assert_eq!(other.receive(SOON).unwrap().id(), n);
    }
    check("a channel");
    let producer = Producer::create(&process::plain::swapchain_options()).unwrap();
    let consumer = process::swapchain::attach(&producer);
    for _ in 0..10 {
        let image = producer.acquire(SOON).unwrap();
        producer.present(image, &PresentInfo::default()).map_err(|(_, error)| error).unwrap();
        consumer.acquire(SOON).unwrap();
    }
    assert!(!is_readable(consumer.descriptor()) || consumer.acquire(Timeout::NONE).is_err());
    check("a swapchain");
    let host = Host::spawn(&options("echo with an attachment", "")).unwrap();
    let channel = host.channel(SOON).unwrap();
    let mut message = Message::new(6);
    message.attach(own_descriptor()).unwrap();
    channel.send(message, SOON).unwrap();
    let mut answer = channel.receive(SOON).unwrap();
    assert!(answer.take_descriptor(0).unwrap().as_raw_fd() > 2);
    check("a session");
    process::session::close(host);
}

/// Role: sends the first message back, if its attachment is no standard descriptor.
fn echo_with_an_attachment(_: &str) {
    let child = Child::connect(SOON).unwrap();
    let mut message = child.channel().receive(SOON).unwrap();
    let file = message.take_descriptor(0).unwrap();
    assert!(file.as_raw_fd() > 2);
    let mut answer = Message::new(7);
    answer.attach(file).unwrap();
    child.channel().send(answer, SOON).unwrap();
    child.wait_closed(SOON).unwrap();
}
