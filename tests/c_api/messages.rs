//! Messages, attachments, requests, memory regions.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use crate::files::files_can_travel;
use crate::support::*;

#[test]
fn every_kind_of_attachment_arrives() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let (inner_receive, inner_send) = port();
    let memory = made!(sfp_memory_create(100, any(0)));
    ok!(sfp_memory_write(memory, 95, b"12345".as_ptr().cast(), 5));
    let surface = surface(33, 17, sfp_pixel_format::Nv12);

    let sent = message(1, "all");
    ok!(sfp_message_attach_send_right(sent, inner_send));
    ok!(sfp_message_attach_receive_right(sent, inner_receive));
    ok!(sfp_message_attach_memory(sent, memory));
    ok!(sfp_message_attach_surface(sent, surface));
    assert_eq!(says!(sfp_message_attach_receive_right(sent, inner_receive)), sfp_status::WrongState);
    says!(sfp_receive_right_release(inner_receive));
    ok!(sfp_send(send, sent, SOON));
    ok!(sfp_send(inner_send, message(5, "to the one that moved"), SOON));

    let arrived = made!(sfp_receive(receive, SOON));
    assert_eq!(says!(sfp_message_attachment_count(arrived)), 4);
    let kinds: Vec<_> = (0..5).map(|index| says!(sfp_message_attachment_kind(arrived, index))).collect();
    use sfp_attachment::{Memory, None, ReceiveRight, SendRight, Surface};
    assert_eq!(kinds, [SendRight, ReceiveRight, Memory, Surface, None]);
    for wrong in [1, 4, usize::MAX] {
        assert_eq!(refused!(sfp_message_take_send_right(arrived, wrong)), sfp_status::InvalidArgument);
    }
    assert_eq!(refused!(sfp_message_take_receive_right(arrived, 0)), sfp_status::InvalidArgument);
    assert_eq!(refused!(sfp_message_take_memory(arrived, 0)), sfp_status::InvalidArgument);
    assert_eq!(refused!(sfp_message_take_surface(arrived, 0)), sfp_status::InvalidArgument);
    assert_eq!(refused!(sfp_message_take_fd(arrived, 0)), sfp_status::InvalidArgument);

    let moved = made!(sfp_message_take_receive_right(arrived, 1));
    let queued = made!(sfp_receive(moved, SOON));
    assert_eq!(says!(sfp_message_id(queued)), 5);
    says!(sfp_message_release(queued));
    let again = made!(sfp_message_take_send_right(arrived, 0));
    ok!(sfp_send(again, message(6, ""), SOON));
    says!(sfp_message_release(made!(sfp_receive(moved, SOON))));
    let shared = made!(sfp_message_take_memory(arrived, 2));
    let mut bytes = [0_u8; 5];
    ok!(sfp_memory_read(shared, 95, bytes.as_mut_ptr().cast(), 5));
    assert_eq!(&bytes, b"12345");
    let same = made!(sfp_message_take_surface(arrived, 3));
    assert_eq!(says!(sfp_surface_id(same)), says!(sfp_surface_id(surface)));
    assert_eq!(says!(sfp_surface_pixel_format(same)), sfp_pixel_format::Nv12);
    assert_eq!(refused!(sfp_message_take_surface(arrived, 3)), sfp_status::InvalidArgument);
    assert_eq!(says!(sfp_message_attachment_kind(arrived, 3)), None);
    assert_eq!(says!(sfp_send(send, arrived, 0)), sfp_status::WrongState, "it is no longer whole");

    says!(sfp_message_release(arrived));
    says!(sfp_receive_right_release(moved));
    says!(sfp_send_right_release(again));
    says!(sfp_send_right_release(inner_send));
    says!(sfp_memory_release(shared));
    says!(sfp_memory_release(memory));
    says!(sfp_surface_release(same));
    says!(sfp_surface_release(surface));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
}

#[test]
fn a_file_arrives() {
    if !files_can_travel() {
        return;
    }
    let _balance = Balance::begin();
    let (receive, send) = port();
    let file = std::fs::File::open("/dev/null").unwrap();
    let sent = message(1, "a file");
    ok!(sfp_message_attach_fd(sent, file.as_raw_fd()));
    ok!(sfp_send(send, sent, SOON));
    let arrived = made!(sfp_receive(receive, SOON));
    assert_eq!(says!(sfp_message_attachment_kind(arrived, 0)), sfp_attachment::Fd);
    assert_eq!(refused!(sfp_message_take_memory(arrived, 0)), sfp_status::InvalidArgument);
    let fd = made!(sfp_message_take_fd(arrived, 0));
    // SAFETY: the call made it ours.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    assert_eq!(refused!(sfp_message_take_fd(arrived, 0)), sfp_status::InvalidArgument);
    assert_eq!(says!(sfp_message_attachment_kind(arrived, 0)), sfp_attachment::None);
    says!(sfp_message_release(arrived));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
}

#[test]
fn not_one_attachment_too_many() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let full = message(1, "");
    for _ in 0..SFP_MESSAGE_MAX_ATTACHMENTS {
        ok!(sfp_message_attach_send_right(full, send));
    }
    let memory = made!(sfp_memory_create(1, any(0)));
    let surface = surface(1, 1, sfp_pixel_format::R8);
    let too_large = sfp_status::TooLarge;
    assert_eq!(says!(sfp_message_attach_send_right(full, send)), too_large);
    assert_eq!(says!(sfp_message_attach_receive_right(full, receive)), too_large);
    assert_eq!(says!(sfp_message_attach_memory(full, memory)), too_large);
    assert_eq!(says!(sfp_message_attach_surface(full, surface)), too_large);
    assert_eq!(says!(sfp_message_attach_fd(full, 0)), too_large);
    assert_eq!(says!(sfp_message_attach_fd(full, -1)), sfp_status::InvalidArgument);
    ok!(sfp_send(send, full, SOON));
    let arrived = made!(sfp_receive(receive, SOON));
    assert_eq!(says!(sfp_message_attachment_count(arrived)), SFP_MESSAGE_MAX_ATTACHMENTS as usize);
    says!(sfp_message_release(arrived));
    says!(sfp_memory_release(memory));
    says!(sfp_surface_release(surface));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
}

#[test]
fn a_payload_over_the_maximum_is_refused() {
    let _balance = Balance::begin();
    let bytes = vec![7_u8; SFP_MESSAGE_MAX_PAYLOAD as usize + 1];
    let full = sfp_message_create(1);
    assert_eq!(says!(sfp_message_append(full, bytes.as_ptr().cast(), bytes.len())), sfp_status::TooLarge);
    assert_eq!(says!(sfp_message_payload_size(full)), 0);
    ok!(sfp_message_append(full, bytes.as_ptr().cast(), bytes.len() - 1));
    assert_eq!(says!(sfp_message_append(full, bytes.as_ptr().cast(), 1)), sfp_status::TooLarge);
    assert_eq!(
        says!(sfp_message_append(full, bytes.as_ptr().cast(), usize::MAX)),
        sfp_status::InvalidArgument
    );
    assert_eq!(says!(sfp_message_payload_size(full)), SFP_MESSAGE_MAX_PAYLOAD as usize);
    says!(sfp_message_release(full));
}

#[test]
fn requests_are_answered() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let address = receive as usize;
    let server = std::thread::spawn(move || {
        let receive = address as *mut sfp_receive_right;
        // By the short way.
        let request = made!(sfp_receive(receive, SOON));
        assert!(says!(sfp_message_has_reply_right(request)));
        assert_eq!(says!(sfp_message_reply(request, request, SOON)), sfp_status::InvalidArgument);
        let spoiled = message(2, "");
        ok!(sfp_message_attach_fd(spoiled, 0));
        // SAFETY: the call made it ours.
        drop(unsafe { OwnedFd::from_raw_fd(made!(sfp_message_take_fd(spoiled, 0))) });
        assert_eq!(says!(sfp_message_reply(request, spoiled, SOON)), sfp_status::WrongState);
        says!(sfp_message_release(spoiled));
        assert!(says!(sfp_message_has_reply_right(request)), "a failure leaves the duty to answer");
        ok!(sfp_message_reply(request, message(2, "short"), SOON));
        assert!(!says!(sfp_message_has_reply_right(request)));
        let late = message(3, "twice");
        assert_eq!(says!(sfp_message_reply(request, late, SOON)), sfp_status::WrongState);
        assert_eq!(refused!(sfp_message_take_reply_right(request)), sfp_status::WrongState);
        says!(sfp_message_release(request));

        // By a right of its own, through another message.
        let request = made!(sfp_receive(receive, SOON));
        let right = made!(sfp_message_take_reply_right(request));
        ok!(sfp_message_set_reply_right(late, right));
        assert_eq!(says!(sfp_message_set_reply_right(late, right)), sfp_status::WrongState);
        says!(sfp_send_once_right_release(right));
        let right = made!(sfp_message_take_reply_right(late));
        ok!(sfp_send_once(right, message(4, "long"), SOON));
        says!(sfp_send_once_right_release(right));
        says!(sfp_message_release(request));
        says!(sfp_message_release(late));

        // Not at all.
        says!(sfp_message_release(made!(sfp_receive(receive, SOON))));
    });
    for expected in [b"short".as_slice(), b"long"] {
        let answer = made!(sfp_request(send, message(1, "?"), SOON));
        assert_eq!(payload(answer), expected);
        says!(sfp_message_release(answer));
    }
    let unanswered = message(1, "?");
    assert_eq!(refused!(sfp_request(send, unanswered, SOON)), sfp_status::PeerDead);
    assert!(says!(sfp_message_is_empty(unanswered)), "it was sent");
    says!(sfp_message_release(unanswered));
    server.join().unwrap();

    let late = message(1, "?");
    assert_eq!(refused!(sfp_request(send, late, 1_000_000)), sfp_status::TimedOut);
    assert!(says!(sfp_message_is_empty(late)), "it was sent");
    says!(sfp_message_release(late));
    let request = made!(sfp_receive(receive, SOON));
    let answer = message(2, "late");
    assert_eq!(says!(sfp_message_reply(request, answer, SOON)), sfp_status::PeerDead);
    assert_eq!(payload(answer), b"late");
    says!(sfp_message_release(answer));
    says!(sfp_message_release(request));

    says!(sfp_receive_right_release(receive));
    let unsent = message(1, "?");
    assert_eq!(refused!(sfp_request(send, unsent, SOON)), sfp_status::PeerDead);
    assert_eq!(payload(unsent), b"?", "it was not sent");
    assert!(!says!(sfp_message_has_reply_right(unsent)));
    says!(sfp_message_release(unsent));
    says!(sfp_send_right_release(send));
}

#[test]
fn a_message_survives_misuse_by_several_threads() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let shared = message(1, "");
    let addresses = (shared as usize, send as usize);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            std::thread::spawn(move || {
                let (shared, send) = (addresses.0 as *mut sfp_message, addresses.1 as *mut sfp_send_right);
                // SAFETY: the main thread holds both until these have ended.
                let mine = unsafe { sfp_message_retain(shared) };
                for _ in 0..200 {
                    says!(sfp_message_append(mine, b"x".as_ptr().cast(), 1));
                    says!(sfp_message_attach_send_right(mine, send));
                    says!(sfp_message_payload_size(mine));
                }
                if says!(sfp_send(send, mine, SOON)) != OK {
                    says!(sfp_message_release(mine));
                    return 0;
                }
                1
            })
        })
        .collect();
    let sent: u32 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(sent, 1, "it is sent once");
    assert!(says!(sfp_message_is_empty(shared)));
    says!(sfp_message_release(shared));
    says!(sfp_message_release(made!(sfp_receive(receive, SOON))));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
}

#[test]
fn memory_is_bounded_and_protected() {
    let _balance = Balance::begin();
    for (size, access, status) in [
        (0, 0, sfp_status::InvalidArgument),
        (usize::MAX, 0, sfp_status::TooLarge),
        (SFP_MEMORY_MAX_SIZE as usize + 1, 0, sfp_status::TooLarge),
        (10, 2, sfp_status::InvalidArgument),
        (10, u32::MAX, sfp_status::InvalidArgument),
    ] {
        assert_eq!(refused!(sfp_memory_create(size, any(access))), status, "{size} {access}");
    }
    let memory = made!(sfp_memory_create(10, any(1)));
    assert_eq!(says!(sfp_memory_size(memory)), 10);
    assert!(says!(sfp_memory_is_writable(memory)), "its maker may write it");
    let mut bytes = [1_u8; 11];
    for (offset, size) in [(0, 11), (10, 1), (usize::MAX, 1), (1, usize::MAX), (5, 6)] {
        let invalid = sfp_status::InvalidArgument;
        assert_eq!(says!(sfp_memory_write(memory, offset, bytes.as_ptr().cast(), size)), invalid);
        assert_eq!(says!(sfp_memory_read(memory, offset, bytes.as_mut_ptr().cast(), size)), invalid);
    }
    assert_eq!(bytes, [1; 11], "a failure reads nothing");
    ok!(sfp_memory_write(memory, 0, bytes.as_ptr().cast(), 10));
    ok!(sfp_memory_prefault(memory));
    // SAFETY: the region has 10 bytes, and nobody writes.
    assert_eq!(unsafe { *says!(sfp_memory_base(memory)).cast::<u8>().add(9) }, 1);

    let (receive, send) = port();
    let sent = message(1, "");
    ok!(sfp_message_attach_memory(sent, memory));
    ok!(sfp_send(send, sent, SOON));
    let arrived = made!(sfp_receive(receive, SOON));
    let for_reading = made!(sfp_message_take_memory(arrived, 0));
    assert!(!says!(sfp_memory_is_writable(for_reading)));
    let refused = says!(sfp_memory_write(for_reading, 0, bytes.as_ptr().cast(), 1));
    assert_eq!(refused, sfp_status::PermissionDenied);
    says!(sfp_memory_release(for_reading));
    says!(sfp_memory_release(memory));
    says!(sfp_message_release(arrived));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
}
