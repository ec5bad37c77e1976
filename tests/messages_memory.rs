//! Memory regions in messages: shared with another process, which may write only what its owner lets it.
#![allow(missing_docs)]

mod process;

use process::companion::{Companion, connect, door};
use surfaceport::memory::{Access, MAX_REGION, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::{Status, Timeout};

peers! { "try to write" => try_to_write }

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// Role: tries every way to write the memory that it is sent; says which worked.
fn try_to_write(name: &str) {
    let inbox = connect(name, Message::new(0));
    loop {
        let mut request = match inbox.receive(SOON) {
            Ok(request) => request,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        let region = request.take_memory(0).unwrap();
        let by_call = region.write(0, b"x").is_ok();
        let forced = written_behind_the_library(&region);
        let answer = format!("{} {} {by_call} {forced}", region.len(), region.is_writable());
        let reply = request.take_reply_right().unwrap();
        reply.send(Message::with_payload(0, answer).unwrap(), SOON).map_err(|(_, error)| error).unwrap();
    }
}

/// Whether the page's protection can be lifted: what only the kernel stands against.
#[allow(unsafe_code)]
fn written_behind_the_library(region: &MemoryRegion) -> bool {
    // SAFETY: the page is a mapping of our own, and access to it is only widened.
    let outcome = unsafe {
        libc::mprotect(region.base().as_ptr().cast(), region.len(), libc::PROT_READ | libc::PROT_WRITE)
    };
    outcome == 0
}

#[test]
fn sizes_that_no_region_can_have_are_refused() {
    assert_eq!(MemoryRegion::create(0, Access::ReadWrite).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(
        MemoryRegion::create(MAX_REGION + 1, Access::ReadWrite).unwrap_err().status(),
        Status::TooLarge
    );
    assert_eq!(MemoryRegion::create(usize::MAX, Access::ReadWrite).unwrap_err().status(), Status::TooLarge);
}

#[test]
fn memory_that_is_read_only_for_others_is_so_at_the_other_process() {
    let _alone = process::alone();
    let (door, name) = door();
    let companion = Companion::start("try to write", &door, &name);
    for (access, expected) in
        [(Access::ReadOnlyForOthers, "100 false false false"), (Access::ReadWrite, "100 true true true")]
    {
        let region = MemoryRegion::create(100, access).unwrap();
        region.write(0, b"ours").unwrap();
        let mut request = Message::new(1);
        request.attach(region.clone()).unwrap();
        let answer = companion.to.request(request, SOON).unwrap();
        assert_eq!(str::from_utf8(answer.payload()).unwrap(), expected);
        let mut first = [0];
        region.read(0, &mut first).unwrap();
        assert_eq!(first[0], if access == Access::ReadWrite { b'x' } else { b'o' });
        for (offset, length) in [(100, 1), (99, 2), (usize::MAX, 1), (0, 101)] {
            assert_eq!(
                region.read(offset, &mut vec![0; length]).unwrap_err().status(),
                Status::InvalidArgument
            );
            assert_eq!(region.write(offset, &vec![0; length]).unwrap_err().status(), Status::InvalidArgument);
        }
        region.read(100, &mut []).unwrap();
    }
    companion.ends_well();
}
