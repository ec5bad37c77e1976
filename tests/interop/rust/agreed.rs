//! What the host and the child of the interoperation tests agree on; see tests/interop/README.md.

use std::error::Error;
use std::time::Duration;

use surfaceport::Timeout;
use surfaceport::channel::Channel;
use surfaceport::message::Message;

pub type Outcome<T> = Result<T, Box<dyn Error>>;

pub const FRAMES: u32 = 100;
pub const WIDTH: u32 = 64;
pub const HEIGHT: u32 = 48;
pub const SIDE: u32 = 8;
pub const MEMORY_SIZE: usize = 4096;

pub fn soon() -> Timeout {
    Timeout::after(Duration::from_secs(30))
}

/// The bytes of a row of frame `n`.
pub fn row(n: u32, y: u32) -> Vec<u8> {
    (0..WIDTH).flat_map(|x| n.wrapping_mul(0x01_0203).wrapping_add(y * WIDTH + x).to_le_bytes()).collect()
}

/// What must be true.
pub fn check(holds: bool, what: &str) -> Outcome<()> {
    if holds { Ok(()) } else { Err(format!("not true: {what}").into()) }
}

/// Receives the message with this number and text.
pub fn receive(channel: &Channel, id: u32, text: &str) -> Outcome<Message> {
    let message = channel.receive(soon())?;
    check(message.id() == id && message.payload() == text.as_bytes(), &format!("message {id}"))?;
    Ok(message)
}
