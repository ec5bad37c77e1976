//! The calls whose cost is known: each alone in a function, by whose name callgrind finds it.

use surfaceport::channel::Channel;
use surfaceport::message::Message;
use surfaceport::port::SendError;
use surfaceport::swapchain::{Consumer, Frame, Image, PresentInfo, Producer};
use surfaceport::{Error, Result, Timeout};

#[inline(never)]
pub(crate) fn cost_of_acquire_image(producer: &Producer, timeout: Timeout) -> Result<Image> {
    producer.acquire(timeout)
}

#[inline(never)]
pub(crate) fn cost_of_present(
    producer: &Producer,
    image: Image,
    info: &PresentInfo,
) -> Result<u64, (Image, Error)> {
    producer.present(image, info)
}

#[inline(never)]
pub(crate) fn cost_of_acquire_frame(consumer: &Consumer, timeout: Timeout) -> Result<Frame> {
    consumer.acquire(timeout)
}

#[inline(never)]
pub(crate) fn cost_of_release_frame(frame: Frame) {
    drop(frame);
}

#[inline(never)]
pub(crate) fn cost_of_send(channel: &Channel, message: Message, timeout: Timeout) -> Result<(), SendError> {
    channel.send(message, timeout)
}

#[inline(never)]
pub(crate) fn cost_of_receive(channel: &Channel, timeout: Timeout) -> Result<Message> {
    channel.receive(timeout)
}
