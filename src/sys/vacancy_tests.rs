//! What every system's vacancy does.

use super::wait_readable;
use crate::error::Status;
use crate::message::Message;
use crate::port::{ReceiveRight, SendRight};
use crate::sys::vacancy::Vacancy;
use crate::time::{Deadline, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(20_000_000_000);

fn port() -> (ReceiveRight, SendRight) {
    let receive = ReceiveRight::new().unwrap();
    let send = receive.make_send().unwrap();
    (receive, send)
}

fn fill(send: &SendRight) -> u32 {
    (0..1_000_000).find(|n| send.send(Message::new(*n), Timeout::NONE).is_err()).expect("a queue has an end")
}

fn is_readable(vacancy: &Vacancy, deadline: Deadline) -> bool {
    wait_readable(&[vacancy.descriptor()], deadline).unwrap() != 0
}

#[test]
fn room_is_told_of_when_it_is_watched_for() {
    let (receive, send) = port();
    let vacancy = Vacancy::new(&send.0).unwrap();
    assert!(!is_readable(&vacancy, Deadline::NOW), "nobody asked");
    for _ in 0..3 {
        let sent = fill(&send);
        vacancy.watch().unwrap();
        assert!(!is_readable(&vacancy, Deadline::NOW), "it is full");
        for n in 0..sent {
            assert_eq!(receive.receive(SOON).unwrap().id(), n);
        }
        assert!(is_readable(&vacancy, SOON.deadline()));
        send.send(Message::new(0), Timeout::NONE).unwrap();
        receive.receive(SOON).unwrap();
        vacancy.forget().unwrap();
        assert!(!is_readable(&vacancy, Deadline::NOW), "nobody asks any more");
        vacancy.watch().unwrap();
        assert!(is_readable(&vacancy, SOON.deadline()), "room that is there already");
        vacancy.forget().unwrap();
    }
}

#[test]
fn death_is_told_of_in_every_state() {
    for state in 0..4 {
        let (receive, send) = port();
        let vacancy = Vacancy::new(&send.0).unwrap();
        match state {
            0 => {}
            1 => vacancy.watch().unwrap(),
            2 => {
                fill(&send);
                vacancy.watch().unwrap();
            }
            _ => {
                vacancy.watch().unwrap();
                vacancy.forget().unwrap();
            }
        }
        drop(receive);
        assert!(is_readable(&vacancy, SOON.deadline()), "in state {state}");
        vacancy.watch().unwrap();
        assert!(is_readable(&vacancy, SOON.deadline()), "in state {state}, when watching");
        vacancy.forget().unwrap();
        assert!(is_readable(&vacancy, SOON.deadline()), "in state {state}, for good");
        assert_eq!(send.send(Message::new(0), Timeout::NONE).unwrap_err().status(), Status::PeerDead);
    }
}

#[test]
fn a_dead_port_is_told_of_at_once() {
    let (receive, send) = port();
    drop(receive);
    assert!(is_readable(&Vacancy::new(&send.0).unwrap(), SOON.deadline()));
}
