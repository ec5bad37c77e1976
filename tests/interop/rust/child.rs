//! The child of the interoperation tests, in Rust.
#![allow(missing_docs, unreachable_pub)]

mod agreed;

use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::session::Child;
use surfaceport::surface::{LockMode, Surface};
use surfaceport::swapchain::{PresentInfo, PresentMode, Producer, SwapchainOptions};

use agreed::{FRAMES, HEIGHT, MEMORY_SIZE, Outcome, SIDE, WIDTH, check, receive, row, soon};

fn check_hello(surface: &Surface) -> Outcome<()> {
    check((surface.width(), surface.height()) == (SIDE, SIDE), "the surface's size")?;
    let locked = surface.lock(LockMode::Read)?;
    for y in 0..SIDE {
        let mut found = [0; SIDE as usize * 4];
        locked.plane(0)?.read_row(y, &mut found)?;
        check(found == [0x11; SIDE as usize * 4], "the surface's bytes")?;
    }
    Ok(())
}

fn present(frames: &Producer, n: u32) -> Outcome<()> {
    let image = frames.acquire(soon())?;
    let locked = image.surface().lock(LockMode::Write)?;
    for y in 0..HEIGHT {
        locked.plane(0)?.write_row(y, &row(n, y))?;
    }
    drop(locked);
    let mut info = PresentInfo::default();
    info.user[..8].copy_from_slice(&u64::from(n).to_le_bytes());
    frames.present(image, &info).map_err(|(_image, error)| error)?;
    Ok(())
}

fn main() -> Outcome<()> {
    let host = Child::connect(soon())?;
    let frames = host.create_producer(&SwapchainOptions {
        width: WIDTH,
        height: HEIGHT,
        images: 3,
        mode: PresentMode::Fifo,
        ..SwapchainOptions::default()
    })?;
    let channel = host.channel();
    check_hello(&receive(channel, 1, "hello from the host")?.take_surface(0)?)?;

    let memory = MemoryRegion::create(MEMORY_SIZE, Access::ReadWrite)?;
    memory.write(0, b"from the child")?;
    let mut message = Message::with_payload(2, "hello from the child")?;
    message.attach(memory).map_err(|error| error.error)?;
    channel.send(message, soon())?;

    for n in 0..FRAMES {
        present(&frames, n)?;
    }
    receive(channel, 3, "bye")?;
    Ok(())
}
