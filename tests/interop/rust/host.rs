//! The host of the interoperation tests, in Rust: `host CHILD [ARGS...]`.
#![allow(missing_docs, unreachable_pub)]

mod agreed;

use surfaceport::Status;
use surfaceport::message::Message;
use surfaceport::pixel_format::PixelFormat;
use surfaceport::session::{ChildExit, Host, SpawnOptions};
use surfaceport::surface::{LockMode, Surface, SurfaceDescriptor};
use surfaceport::swapchain::Frame;

use agreed::{FRAMES, HEIGHT, MEMORY_SIZE, Outcome, SIDE, WIDTH, check, receive, row, soon};

fn hello() -> Outcome<Message> {
    let surface =
        Surface::create(&SurfaceDescriptor { width: SIDE, height: SIDE, format: PixelFormat::Bgra8 })?;
    let locked = surface.lock(LockMode::Write)?;
    for y in 0..SIDE {
        locked.plane(0)?.write_row(y, &[0x11; SIDE as usize * 4])?;
    }
    drop(locked);
    let mut message = Message::with_payload(1, "hello from the host")?;
    message.attach(surface).map_err(|error| error.error)?;
    Ok(message)
}

fn check_frame(frame: &Frame, n: u32) -> Outcome<()> {
    check(frame.number() == u64::from(n) + 1, "the frame's number")?;
    check(frame.info().present.user[..8] == u64::from(n).to_le_bytes(), "the frame's user data")?;
    let surface = frame.surface();
    check((surface.width(), surface.height()) == (WIDTH, HEIGHT), "the frame's size")?;
    check(surface.format() == PixelFormat::Bgra8, "the frame's format")?;
    let locked = surface.lock(LockMode::Read)?;
    let mut found = vec![0; WIDTH as usize * 4];
    for y in 0..HEIGHT {
        locked.plane(0)?.read_row(y, &mut found)?;
        check(found == row(n, y), &format!("row {y} of frame {n}"))?;
    }
    Ok(())
}

fn main() -> Outcome<()> {
    let host =
        Host::spawn(&SpawnOptions { hello_timeout: soon(), ..SpawnOptions::new(std::env::args().skip(1)) })?;
    let frames = host.accept_consumer(soon())?;
    let channel = host.channel(soon())?;
    channel.send(hello()?, soon())?;
    for n in 0..FRAMES {
        check_frame(&frames.acquire(soon())?, n)?;
    }

    let mut message = receive(channel, 2, "hello from the child")?;
    let memory = message.take_memory(0)?;
    let mut begin = [0; "from the child".len()];
    memory.read(0, &mut begin)?;
    check(memory.len() == MEMORY_SIZE && begin == *b"from the child", "the memory")?;
    channel.send(Message::with_payload(3, "bye")?, soon())?;
    let end = frames.acquire(soon()).err().map(|error| error.status());
    check(end == Some(Status::Closed), "the end of the frames")?;
    check(host.wait_exit(soon())? == ChildExit::Exited(0), "the end of the child")?;
    println!("ok");
    Ok(())
}
