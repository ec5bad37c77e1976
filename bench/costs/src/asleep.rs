//! Two processes in lock step: one sleeps in its call until the other one makes the call that wakes it.

use std::time::Duration;

use anyhow::{Context, Result};
use surfaceport::Error;
use surfaceport::channel::{Channel, ChannelEnd};
use surfaceport::message::Message;
use surfaceport::session::{Child, Host, SpawnOptions};
use surfaceport::swapchain::{PresentMode, SwapchainOptions};

use crate::mark::counted;
use crate::peer::Peer;
use crate::{SOON, call, in_blocks, present_info, small_message, swapchain};

/// The child's role on its command line.
pub(crate) const CHILD: &str = "asleep-child";
/// Rounds of a block.
const ROUNDS: usize = 16;

/// The host sleeps until a frame comes, wakes a producer that has no image left, and sleeps until a message comes.
pub(crate) fn run_host() -> Result<()> {
    let program = std::env::current_exe()?;
    let host = Host::spawn(&SpawnOptions::new([program.into_os_string(), CHILD.into()]))?;
    let session = host.channel(SOON)?;
    let peer = Peer::new(session.clone(), host.process_id().context("a child without a number")?);

    let consumer = host.accept_consumer(SOON)?;
    consumer.set_spin_time(Duration::ZERO);
    in_blocks(ROUNDS, || {
        peer.announce_sleep()?;
        drop(counted!("acquire-frame", call::cost_of_acquire_frame(&consumer, SOON))?);
        Ok(())
    })?;
    drop(consumer);

    let consumer = host.accept_consumer(SOON)?;
    let mut held = Some(consumer.acquire(SOON)?);
    in_blocks(ROUNDS, || {
        peer.wait_until_asleep()?;
        if let Some(frame) = held.take() {
            counted!("release-frame", call::cost_of_release_frame(frame));
        }
        held = Some(consumer.acquire(SOON)?);
        Ok(())
    })?;
    drop((held, consumer));

    let channel = ChannelEnd::take_from(&mut session.receive(SOON)?, 0)?.open();
    channel.set_spin_time(Duration::ZERO);
    in_blocks(ROUNDS, || {
        peer.announce_sleep()?;
        counted!("receive", call::cost_of_receive(&channel, SOON))?;
        Ok(())
    })
}

/// The other side of each of these.
pub(crate) fn run_child() -> Result<()> {
    let session = Child::connect(SOON)?;
    let peer = Peer::new(session.channel().clone(), session.host().process_id);
    let info = present_info();

    let producer = session.create_producer(&swapchain(3))?;
    in_blocks(ROUNDS, || {
        let image = producer.acquire(SOON)?;
        peer.wait_until_asleep()?;
        // Behind some milliseconds a present asks the kernel for news: not when it has just been asked.
        producer.service();
        let presented = counted!("present", call::cost_of_present(&producer, image, &info));
        presented.map_err(|(_, error)| error)?;
        Ok(())
    })?;
    drop(producer);

    // In order, so that the consumer holds one of the two images while the other one waits for it.
    let producer = session.create_producer(&SwapchainOptions { mode: PresentMode::Fifo, ..swapchain(2) })?;
    producer.set_spin_time(Duration::ZERO);
    for _ in 0..2 {
        producer.present(producer.acquire(SOON)?, &info).map_err(|(_, error)| error)?;
    }
    in_blocks(ROUNDS, || {
        peer.announce_sleep()?;
        let image = counted!("acquire-image", call::cost_of_acquire_image(&producer, SOON))?;
        producer.present(image, &info).map_err(|(_, error)| error)?;
        Ok(())
    })?;
    drop(producer);

    let (ours, theirs) = Channel::pair()?;
    let mut message = Message::new(0);
    theirs.attach_to(&mut message).map_err(|(_, error)| error)?;
    session.channel().send(message, SOON).map_err(Error::from)?;
    let channel = ours.open();
    in_blocks(ROUNDS, || {
        let message = small_message()?;
        peer.wait_until_asleep()?;
        counted!("send", call::cost_of_send(&channel, message, SOON)).map_err(Error::from)?;
        Ok(())
    })?;
    session.wait_closed(SOON)?;
    Ok(())
}
