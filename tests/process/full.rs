//! A message with everything that a message can carry.

use surfaceport::Status;
use surfaceport::Timeout;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::{AttachmentKind, Message};
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::surface::PixelFormat;

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// A port, and a right to send to it.
pub fn port() -> (ReceiveRight, SendRight) {
    let receive = ReceiveRight::new().unwrap();
    let send = receive.make_send().unwrap();
    (receive, send)
}

/// A message with an attachment of each kind but a descriptor, a right to answer by, and a payload that goes out of line; and what
/// is needed to tell whether it is whole.
pub struct Full {
    pub asked: ReceiveRight,
    pub back: ReceiveRight,
    pub to_moved: SendRight,
}

impl Full {
    pub const NUMBER: u32 = 7;
    pub const PAYLOAD: usize = 100_000;

    pub fn new() -> (Message, Self) {
        let (back, to_back) = port();
        let (moved, to_moved) = port();
        to_moved.send(Message::new(1), SOON).unwrap();
        let asked = ReceiveRight::new().unwrap();
        let region = MemoryRegion::create(10_000, Access::ReadWrite).unwrap();
        region.write(9_990, b"region").unwrap();
        let mut message = Message::with_payload(Self::NUMBER, vec![9; Self::PAYLOAD]).unwrap();
        message.attach(to_back).unwrap();
        message.attach(moved).unwrap();
        message.attach(region).unwrap();
        message.attach(super::plain::surface(16, 16, PixelFormat::Bgra8)).unwrap();
        message.set_reply_right(asked.make_send_once().unwrap());
        (message, Self { asked, back, to_moved })
    }

    /// Everything in the message does what it should.
    pub fn check(self, mut message: Message) {
        assert_eq!((message.id(), message.payload().len()), (Self::NUMBER, Self::PAYLOAD));
        assert!(message.payload().iter().all(|byte| *byte == 9));
        let kinds: Vec<_> = (0..4).map(|index| message.attachment_kind(index).unwrap()).collect();
        use AttachmentKind as Kind;
        assert_eq!(kinds, [Kind::SendRight, Kind::ReceiveRight, Kind::Memory, Kind::Surface]);
        message.take_send_right(0).unwrap().send(Message::new(2), SOON).unwrap();
        assert_eq!(self.back.receive(SOON).unwrap().id(), 2);
        assert_eq!(self.back.receive(SOON).unwrap_err().status(), Status::NoSenders);
        self.to_moved.send(Message::new(3), SOON).unwrap();
        let moved = message.take_receive_right(1).unwrap();
        assert_eq!((moved.receive(SOON).unwrap().id(), moved.receive(SOON).unwrap().id()), (1, 3));
        drop(self.to_moved);
        assert_eq!(moved.receive(SOON).unwrap_err().status(), Status::NoSenders);
        let mut bytes = [0; 6];
        message.take_memory(2).unwrap().read(9_990, &mut bytes).unwrap();
        assert_eq!(&bytes, b"region");
        assert_eq!(message.take_surface(3).unwrap().width(), 16);
        message.take_reply_right().unwrap().send(Message::new(4), SOON).map_err(|(_, error)| error).unwrap();
        assert_eq!(self.asked.receive(SOON).unwrap().id(), 4);
    }
}
