//! Ports, port sets, bootstrap names, raw rights.

use std::ffi::CString;

use crate::support::*;

#[test]
fn references_are_counted() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let once = made!(sfp_receive_right_make_send_once(receive));
    let set = made!(sfp_port_set_create());
    let memory = made!(sfp_memory_create(10, any(0)));
    let message = message(1, "counted");
    let surface = surface(4, 4, sfp_pixel_format::R8);
    for _ in 0..3 {
        assert_eq!(says!(sfp_receive_right_retain(receive)), receive);
        assert_eq!(says!(sfp_send_right_retain(send)), send);
        assert_eq!(says!(sfp_send_once_right_retain(once)), once);
        assert_eq!(says!(sfp_port_set_retain(set)), set);
        assert_eq!(says!(sfp_memory_retain(memory)), memory);
        assert_eq!(says!(sfp_message_retain(message)), message);
        assert_eq!(says!(sfp_surface_retain(surface)), surface);
    }
    for left in (0..4).rev() {
        assert!(!made!(sfp_send_right_is_dead(send)));
        assert!(!made!(sfp_send_once_right_is_dead(once)));
        assert!(says!(sfp_port_set_fd(set)) >= 0);
        assert_eq!(says!(sfp_memory_size(memory)), 10);
        assert_eq!(payload(message), b"counted");
        assert_eq!(live_surfaces(), 1);
        says!(sfp_send_once_right_release(once));
        says!(sfp_port_set_release(set));
        says!(sfp_memory_release(memory));
        says!(sfp_message_release(message));
        says!(sfp_surface_release(surface));
        if left > 0 {
            says!(sfp_receive_right_release(receive));
            says!(sfp_send_right_release(send));
        }
    }
    assert_eq!(live_surfaces(), 0);
    says!(sfp_receive_right_release(receive));
    assert!(made!(sfp_send_right_is_dead(send)), "the last reference ended the port");
    says!(sfp_send_right_release(send));
}

#[test]
fn a_message_is_consumed_by_success_only() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let sent = message(7, "sent");
    let other_reference = says!(sfp_message_retain(sent));
    ok!(sfp_send(send, sent, SOON));
    assert!(says!(sfp_message_is_empty(other_reference)));
    assert_eq!(says!(sfp_send(send, other_reference, 0)), sfp_status::WrongState);
    assert_eq!(says!(sfp_message_append(other_reference, null(), 0)), sfp_status::WrongState);
    assert!(says!(sfp_message_payload(other_reference)).is_null());
    assert_eq!(sfp_last_error_status(), sfp_status::WrongState);
    says!(sfp_message_release(other_reference));

    let received = made!(sfp_receive(receive, SOON));
    assert_eq!((says!(sfp_message_id(received)), payload(received)), (7, b"sent".to_vec()));
    let sender = made!(sfp_message_sender(received));
    assert_eq!(sender.process_id, std::process::id());
    says!(sfp_message_release(received));
    assert_eq!(refused!(sfp_receive(receive, 0)), sfp_status::TimedOut);
    assert_eq!(refused!(sfp_receive(receive, 1_000_000)), sfp_status::TimedOut);

    says!(sfp_receive_right_release(receive));
    let unsent = message(8, "unsent");
    ok!(sfp_message_attach_send_right(unsent, send));
    assert_eq!(says!(sfp_send(send, unsent, SOON)), sfp_status::PeerDead);
    assert_eq!((says!(sfp_message_id(unsent)), payload(unsent)), (8, b"unsent".to_vec()));
    assert_eq!(says!(sfp_message_attachment_kind(unsent, 0)), sfp_attachment::SendRight);
    assert_eq!(refused!(sfp_message_sender(unsent)), sfp_status::NotFound);
    says!(sfp_message_release(unsent));
    says!(sfp_send_right_release(send));
}

#[test]
fn a_full_queue_gives_the_message_back() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let mut unsent = message(1, &"x".repeat(10_000));
    while says!(sfp_send(send, unsent, 0)) == OK {
        unsent = message(1, &"x".repeat(10_000));
    }
    assert_eq!(sfp_last_error_status(), sfp_status::TimedOut);
    assert_eq!(says!(sfp_message_payload_size(unsent)), 10_000);
    says!(sfp_message_release(made!(sfp_receive(receive, 0))));
    ok!(sfp_send(send, unsent, SOON));
    says!(sfp_send_right_release(send));
    says!(sfp_receive_right_release(receive));
}

#[test]
fn no_senders_is_said() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    says!(sfp_send_right_release(send));
    assert_eq!(refused!(sfp_receive(receive, SOON)), sfp_status::NoSenders);
    says!(sfp_send_once_right_release(made!(sfp_receive_right_make_send_once(receive))));
    assert_eq!(refused!(sfp_receive(receive, SOON)), sfp_status::PeerDead);
    says!(sfp_receive_right_release(receive));
}

#[test]
fn a_right_to_send_once_is_good_for_one_message() {
    let _balance = Balance::begin();
    let receive = made!(sfp_receive_right_create());
    let once = made!(sfp_receive_right_make_send_once(receive));
    ok!(sfp_send_once(once, message(1, "first"), SOON));
    let second = message(2, "second");
    assert_eq!(says!(sfp_send_once(once, second, SOON)), sfp_status::WrongState);
    assert_eq!(payload(second), b"second");
    assert_eq!(refused!(sfp_send_once_right_is_dead(once)), sfp_status::WrongState);
    says!(sfp_send_once_right_release(once));

    let once = made!(sfp_receive_right_make_send_once(receive));
    says!(sfp_message_release(made!(sfp_receive(receive, SOON))));
    says!(sfp_receive_right_release(receive));
    assert_eq!(says!(sfp_send_once(once, second, SOON)), sfp_status::PeerDead);
    assert!(made!(sfp_send_once_right_is_dead(once)), "a failure leaves the right");
    assert_eq!(payload(second), b"second");
    says!(sfp_message_release(second));
    says!(sfp_send_once_right_release(once));
}

#[test]
fn a_receive_right_cannot_move_while_a_thread_waits_by_it() {
    let _balance = Balance::begin();
    // A thread that does not wait yet does not keep the right from moving: give it longer.
    let waited = (0..12).any(|doublings| refuses_to_move(std::time::Duration::from_millis(1 << doublings)));
    assert!(waited, "the right moved away from under a thread");
}

/// Whether the right stayed, because the other thread waited by it after this delay.
fn refuses_to_move(delay: std::time::Duration) -> bool {
    let (receive, send) = port();
    let (address, carrier) = (receive as usize, sfp_message_create(1));
    let waiting = std::thread::spawn(move || {
        // SAFETY: the other thread holds the right until this one has ended.
        result(|place| unsafe { sfp_receive(address as *mut sfp_receive_right, SOON, place) })
            .map(|received| says!(sfp_message_release(received)))
    });
    std::thread::sleep(delay);
    let status = says!(sfp_message_attach_receive_right(carrier, receive));
    let stayed = status == sfp_status::WrongState;
    if stayed {
        assert!(last_message().contains("another thread"), "{}", last_message());
        ok!(sfp_send(send, message(2, "wake up"), SOON));
        assert_eq!(waiting.join().unwrap(), Ok(()));
        ok!(sfp_message_attach_receive_right(carrier, receive));
    } else {
        assert_eq!((status, waiting.join().unwrap()), (OK, Err(sfp_status::WrongState)));
    }
    says!(sfp_message_release(carrier));
    says!(sfp_receive_right_release(receive));
    says!(sfp_send_right_release(send));
    stayed
}

#[test]
fn a_set_tells_which_member_is_ready() {
    let _balance = Balance::begin();
    let set = made!(sfp_port_set_create());
    let (first, to_first) = port();
    let (second, to_second) = port();
    ok!(sfp_port_set_add(set, first, 10));
    ok!(sfp_port_set_watch(set, to_second, SFP_PORT_SET_MAX_KEY));
    assert_eq!(says!(sfp_port_set_add(set, first, 10)), sfp_status::AlreadyExists);
    assert_eq!(says!(sfp_port_set_add(set, second, u64::MAX)), sfp_status::InvalidArgument);
    assert_eq!(refused!(sfp_port_set_wait(set, 0)), sfp_status::TimedOut);
    ok!(sfp_send(to_first, message(1, ""), SOON));
    let event = made!(sfp_port_set_wait(set, SOON));
    assert_eq!((event.key, event.kind), (10, sfp_ready::Receive));
    says!(sfp_message_release(made!(sfp_receive(first, 0))));
    says!(sfp_receive_right_release(second));
    let event = made!(sfp_port_set_wait(set, SOON));
    assert_eq!((event.key, event.kind), (SFP_PORT_SET_MAX_KEY, sfp_ready::Dead));
    assert_eq!(says!(sfp_port_set_unwatch(set, SFP_PORT_SET_MAX_KEY)), sfp_status::NotFound);
    ok!(sfp_port_set_watch(set, to_first, 3));
    ok!(sfp_port_set_unwatch(set, 3));
    ok!(sfp_port_set_remove(set, 10));
    assert_eq!(says!(sfp_port_set_remove(set, 10)), sfp_status::NotFound);
    says!(sfp_receive_right_release(first));
    says!(sfp_send_right_release(to_first));
    says!(sfp_send_right_release(to_second));
    says!(sfp_port_set_release(set));
}

#[test]
fn names_are_checked_in_and_looked_up() {
    let _balance = Balance::begin();
    let name = CString::new(format!("org.surfaceport.test.c.{}", std::process::id())).unwrap();
    let name = name.as_ptr();
    assert_eq!(refused!(sfp_bootstrap_look_up(name, 0)), sfp_status::NotFound);
    assert_eq!(refused!(sfp_bootstrap_look_up(name, 1_000_000)), sfp_status::TimedOut);
    let receive = made!(sfp_bootstrap_check_in(name));
    assert_eq!(refused!(sfp_bootstrap_check_in(name)), sfp_status::AlreadyExists);
    if cfg!(target_os = "linux") {
        let carrier = sfp_message_create(1);
        assert_eq!(says!(sfp_message_attach_receive_right(carrier, receive)), sfp_status::Unsupported);
        says!(sfp_message_release(carrier));
    }
    let send = made!(sfp_bootstrap_look_up(name, SOON));
    ok!(sfp_send(send, message(1, "by name"), SOON));
    says!(sfp_message_release(made!(sfp_receive(receive, SOON))));
    says!(sfp_send_right_release(send));
    says!(sfp_receive_right_release(receive));
    assert_eq!(refused!(sfp_bootstrap_look_up(name, 0)), sfp_status::NotFound);
    let too_long = CString::new("x".repeat(128)).unwrap();
    for bad in [c"".as_ptr(), c"a/b".as_ptr(), c"a..b".as_ptr(), c"\xff".as_ptr(), too_long.as_ptr()] {
        assert_eq!(refused!(sfp_bootstrap_check_in(bad)), sfp_status::InvalidArgument);
        assert_eq!(refused!(sfp_bootstrap_look_up(bad, 0)), sfp_status::InvalidArgument);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn raw_rights_go_there_and_back() {
    let _balance = Balance::begin();
    let (receive, send) = port();
    let raw_send = made!(sfp_send_right_into_fd(send));
    let raw_receive = made!(sfp_receive_right_into_fd(receive));
    assert_eq!(refused!(sfp_send_right_into_fd(send)), sfp_status::WrongState);
    assert_eq!(refused!(sfp_receive_right_into_fd(receive)), sfp_status::WrongState);
    assert_eq!(refused!(sfp_receive(receive, 0)), sfp_status::WrongState);
    assert_eq!(refused!(sfp_receive_right_make_send(receive)), sfp_status::WrongState);
    assert_eq!(says!(sfp_receive_right_fd(receive)), -1);
    let unsent = message(1, "raw");
    assert_eq!(says!(sfp_send(send, unsent, 0)), sfp_status::WrongState);
    says!(sfp_send_right_release(send));
    says!(sfp_receive_right_release(receive));

    let send = made!(sfp_send_right_from_fd(raw_send));
    let receive = made!(sfp_receive_right_from_fd(raw_receive));
    close(raw_send);
    close(raw_receive);
    ok!(sfp_send(send, unsent, SOON));
    let received = made!(sfp_receive(receive, SOON));
    assert_eq!(payload(received), b"raw");
    says!(sfp_message_release(received));
    let second = made!(sfp_receive_right_make_send(receive));
    assert_eq!(refused!(sfp_receive_right_into_fd(receive)), sfp_status::WrongState);
    assert_eq!(refused!(sfp_receive(receive, 0)), sfp_status::TimedOut, "the right is still there");
    says!(sfp_send_right_release(second));
    says!(sfp_receive_right_release(receive));
    assert!(made!(sfp_send_right_is_dead(send)));
    says!(sfp_send_right_release(send));

    for closed in [-1, i32::MIN, 1_000_000] {
        assert_eq!(refused!(sfp_send_right_from_fd(closed)), sfp_status::InvalidArgument);
        assert_eq!(refused!(sfp_receive_right_from_fd(closed)), sfp_status::InvalidArgument);
    }
    let file = std::fs::File::open("/dev/null").unwrap();
    let fd = std::os::fd::AsRawFd::as_raw_fd(&file);
    assert_eq!(refused!(sfp_send_right_from_fd(fd)), sfp_status::Malformed);
    assert_eq!(refused!(sfp_receive_right_from_fd(fd)), sfp_status::Malformed);
    file.metadata().expect("what was refused stays open");
}

#[cfg(target_os = "linux")]
fn close(fd: i32) {
    // SAFETY: the descriptor is the test's own.
    drop(unsafe { <std::os::fd::OwnedFd as std::os::fd::FromRawFd>::from_raw_fd(fd) });
}
