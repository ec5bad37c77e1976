//! Both sides in one thread: what one does is there when the other looks, and nobody waits.

use anyhow::Result;
use surfaceport::Timeout;
use surfaceport::channel::Channel;
use surfaceport::swapchain::{Consumer, ConsumerOptions, Producer};

use crate::mark::counted;
use crate::{SOON, call, in_blocks, present_info, small_message, swapchain};

/// Rounds of a block.
const ROUNDS: usize = 64;

pub(crate) fn run() -> Result<()> {
    frames()?;
    messages()
}

fn frames() -> Result<()> {
    let producer = Producer::create(&swapchain(3))?;
    let consumer = Consumer::attach(producer.consumer_right()?, &ConsumerOptions::default())?;
    producer.service();
    producer.present(producer.acquire(SOON)?, &present_info()).map_err(|(_, error)| error)?;
    drop(consumer.acquire(SOON)?);
    let info = present_info();
    in_blocks(ROUNDS, || {
        let acquired = counted!("acquire-image", call::cost_of_acquire_image(&producer, Timeout::NONE));
        // Behind some milliseconds a present asks the kernel for news: not when it has just been asked.
        producer.service();
        let presented = counted!("present", call::cost_of_present(&producer, acquired?, &info));
        presented.map_err(|(_, error)| error)?;
        let frame = counted!("acquire-frame", call::cost_of_acquire_frame(&consumer, Timeout::NONE));
        let frame = frame?;
        counted!("release-frame", call::cost_of_release_frame(frame));
        Ok(())
    })
}

fn messages() -> Result<()> {
    let (one, other) = Channel::pair()?;
    let (sender, receiver) = (one.open(), other.open());
    in_blocks(ROUNDS, || {
        let message = small_message()?;
        let sent = counted!("send", call::cost_of_send(&sender, message, Timeout::NONE));
        sent.map_err(surfaceport::Error::from)?;
        counted!("receive", call::cost_of_receive(&receiver, Timeout::NONE))?;
        Ok(())
    })
}
