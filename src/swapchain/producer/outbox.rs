//! What a producer owes one consumer: messages that could not be sent yet, in order. Runs in the producer's process.
//!
//! A lack of room or of descriptors delays what is owed; it never loses or reorders it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::state::Generation;
use crate::error::{Error, Result, Status};
use crate::message::Message;
use crate::port::SendRight;
use crate::swapchain::protocol::{self, GenerationHead};
use crate::time::Timeout;

#[derive(Debug, Default)]
pub(super) struct Outbox {
    owed: VecDeque<Owed>,
    /// The generation that was sent last; 0: none.
    sent: u16,
}

#[derive(Debug)]
enum Owed {
    /// A welcome, or the wish that a consumer make the images.
    Message(Message),
    Images(Arc<Generation>),
}

impl Outbox {
    pub(super) fn owe(&mut self, message: Message) {
        self.owed.push_back(Owed::Message(message));
    }

    /// Owes the images of a new generation. What was owed of others is not needed any more, unless the frame that is to be
    /// seen next is of them.
    pub(super) fn owe_images(&mut self, generation: &Arc<Generation>, shown: u16) {
        self.owe_only(shown);
        self.owed.push_back(Owed::Images(generation.clone()));
    }

    /// Owes the images of no other generation than this one.
    pub(super) fn owe_only(&mut self, generation: u16) {
        self.owed.retain(|owed| match owed {
            Owed::Images(other) => other.number == generation,
            Owed::Message(_) => true,
        });
    }

    /// The consumer has these images: it made them.
    pub(super) fn has_images(&mut self, generation: u16) {
        self.sent = generation;
    }

    /// Whether the images of this generation were sent, and nothing is owed from before.
    pub(super) fn has_sent(&self, generation: u16) -> bool {
        self.sent == generation && self.owed.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.owed.is_empty()
    }

    /// Sends what can be sent, without waiting. `arrived` is the generation whose images the consumer had last: it gets
    /// one at a time, since one that does not look after its messages must not collect the memory of all sizes that a
    /// window had meanwhile. `None`: all of it, there is no later.
    ///
    /// Errors: timed out, when there is no room; what is lacking. The rest is owed still.
    pub(super) fn pay(&mut self, to: &SendRight, arrived: Option<u32>) -> Result<()> {
        while let Some(owed) = self.owed.pop_front() {
            let (message, images) = match owed {
                Owed::Message(message) => (message, None),
                Owed::Images(generation) => {
                    let is_next = self.sent == 0 || arrived.is_none_or(|arrived| arrived == self.sent.into());
                    if !is_next {
                        self.owed.push_front(Owed::Images(generation));
                        return Ok(());
                    }
                    (images_message(&generation)?, Some(generation))
                }
            };
            let Err(failure) = to.send(message, Timeout::NONE) else {
                if let Some(generation) = images {
                    self.sent = generation.number;
                }
                continue;
            };
            if failure.status() == Status::PeerDead {
                // It hears nothing any more; that it is gone is told by other means.
                self.owed.clear();
                return Ok(());
            }
            let error = failure.error().clone();
            let owed = images.map(Owed::Images).or_else(|| failure.into_message().map(Owed::Message));
            self.owed.extend(owed);
            self.owed.rotate_right(1);
            return Err(error);
        }
        Ok(())
    }
}

fn images_message(generation: &Generation) -> Result<Message> {
    let head = GenerationHead {
        generation: generation.number,
        images: generation.images.len(),
        descriptor: generation.descriptor,
    };
    protocol::images_message(&head, &generation.images)
}

/// Leaves to the holder of a right, in the right's own lane, what it needs to see what is left of a stream that ends.
///
/// Errors: as a send. There is no later.
pub(super) fn leave(lane: &SendRight, welcome: Message, generations: &[&Generation]) -> Result<(), Error> {
    lane.send(welcome, Timeout::NONE)?;
    for generation in generations {
        lane.send(images_message(generation)?, Timeout::NONE)?;
    }
    Ok(())
}
