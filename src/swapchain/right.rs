//! The right to consume a swapchain, which can be sent to any process.

use super::control::AttentionPage;
use crate::error::{Error, Result, Status};
use crate::message::{AttachmentKind, Message};
use crate::page::Page;
use crate::port::SendRight;

/// The right to become a consumer of a swapchain: made by [`Producer::consumer_right`](super::Producer::consumer_right),
/// sent in a message, also by way of a broker, and used by [`Consumer::attach`](super::Consumer::attach).
#[derive(Debug)]
pub struct ConsumerRight {
    /// To the producer's port.
    pub(super) producer: SendRight,
    pub(super) attention: Page<AttentionPage>,
}

impl ConsumerRight {
    /// How many attachments of a message it takes.
    pub const ATTACHMENTS: usize = 2;

    /// Puts the right into a message, as its next two attachments.
    ///
    /// Errors: [`Status::TooLarge`], when the message has no room; the right comes back.
    pub fn attach_to(self, message: &mut Message) -> Result<(), (Self, Error)> {
        if message.attachment_count() + Self::ATTACHMENTS > crate::message::MAX_ATTACHMENTS {
            let error =
                Error::fixed(Status::TooLarge, "a message has no room for the right to consume a swapchain");
            return Err((self, error));
        }
        let Self { producer, attention } = self;
        // There is room, and neither kind can fail otherwise.
        let attached = message.attach(producer).and_then(|()| message.attach(attention.region()));
        debug_assert!(attached.is_ok());
        Ok(())
    }

    /// Takes the right out of a message: its attachments `index` and `index + 1`.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is none at that place; [`Status::Malformed`].
    pub fn take_from(message: &mut Message, index: usize) -> Result<Self> {
        let second = index.checked_add(1).and_then(|second| message.attachment_kind(second));
        let kinds = (message.attachment_kind(index), second);
        if kinds != (Some(AttachmentKind::SendRight), Some(AttachmentKind::Memory)) {
            let text = format!("a message has no right to consume a swapchain at attachment {index}");
            return Err(Error::invalid(text));
        }
        let producer = message.take_send_right(index)?;
        let attention = Page::<AttentionPage>::open(message.take_memory(index + 1)?)?;
        if !attention.is_writable() {
            return Err(Error::malformed("the hint page of a swapchain is read-only"));
        }
        Ok(Self { producer, attention })
    }

    /// The same right once more.
    ///
    /// Errors: [`Status::ResourceExhausted`].
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self { producer: self.producer.try_clone()?, attention: Page::open(self.attention.region())? })
    }
}
