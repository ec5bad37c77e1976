//! The right to consume a swapchain, which can be sent to any process.

use std::sync::Arc;

use parking_lot::Mutex;

use super::control::AttentionPage;
#[allow(unused_imports, reason = "named by the documentation")]
use crate::error::Status;
use crate::error::{Error, Result};
use crate::message::{AttachmentKind, Message};
use crate::page::Page;
use crate::port::{ReceiveRight, SendRight};
use crate::sys::owner::Owner;

/// The right to become a consumer of a swapchain: made by [`Producer::consumer_right`](super::Producer::consumer_right),
/// sent in a message, also by way of a broker, and used by [`Consumer::attach`](super::Consumer::attach).
///
/// A producer that ends the stream in an orderly way leaves the frames that are to be seen with each right that it has made
/// and that was not used yet: they wait in a port of the right's own, for as long as somebody has the right. Clones share
/// that port until one of them is used or sent.
#[derive(Debug)]
pub struct ConsumerRight {
    /// To the producer's port.
    pub(super) producer: SendRight,
    pub(super) attention: Page<AttentionPage>,
    lane: Lane,
    pub(super) owner: Owner,
}

/// Where a producer that has ended leaves what its consumers need. Whoever uses the right first takes it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lane(Arc<Mutex<Option<ReceiveRight>>>);

impl Lane {
    pub(super) fn take(&self) -> Option<ReceiveRight> {
        self.0.lock().take()
    }

    /// Whoever failed to use it gives it back.
    pub(super) fn put(&self, lane: Option<ReceiveRight>) {
        if lane.is_some() {
            *self.0.lock() = lane;
        }
    }
}

impl ConsumerRight {
    /// How many attachments of a message it takes.
    pub const ATTACHMENTS: usize = 3;

    pub(super) fn new(producer: SendRight, attention: Page<AttentionPage>, lane: ReceiveRight) -> Self {
        let lane = Lane(Arc::new(Mutex::new(Some(lane))));
        Self { producer, attention, lane, owner: Owner::this_process() }
    }

    pub(super) fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Puts the right into a message, as its next three attachments.
    ///
    /// Errors: [`Status::TooLarge`], when the message has no room; [`Status::ResourceExhausted`]; [`Status::WrongState`]
    /// in a fork of the process that has the right. The right comes back.
    pub fn attach_to(self, message: &mut Message) -> Result<(), (Self, Error)> {
        if let Err(error) = self.owner.check() {
            return Err((self, error));
        }
        // A right whose lane is elsewhere travels with one that nobody sends to.
        let lane = match self.lane.take().map_or_else(ReceiveRight::new, Ok) {
            Ok(lane) => lane,
            Err(error) => return Err((self, error)),
        };
        let Self { producer, attention, lane: shared, owner } = self;
        message.attach_three(producer, attention.region(), lane).map_err(|(producer, lane, error)| {
            shared.put(Some(lane));
            (Self { producer, attention, lane: shared, owner }, error)
        })
    }

    /// Takes the right out of a message: its attachments `index` to `index + 2`.
    ///
    /// Errors: [`Status::InvalidArgument`], when there is none at that place; [`Status::ResourceExhausted`], when
    /// descriptors ran out: the right stays in the message; [`Status::Malformed`].
    pub fn take_from(message: &mut Message, index: usize) -> Result<Self> {
        let kind = |after: usize| message.attachment_kind(index.checked_add(after)?);
        if (kind(0), kind(1)) != (Some(AttachmentKind::SendRight), Some(AttachmentKind::Memory)) {
            let text = format!("a message has no right to consume a swapchain at attachment {index}");
            return Err(Error::invalid(text));
        }
        // First what descriptors can be lacking for. A right without a lane, which this library does not send, is one, too.
        let has_lane = kind(2) == Some(AttachmentKind::ReceiveRight);
        let lane = has_lane.then(|| message.take_receive_right(index + 2)).transpose()?;
        let producer = message.take_send_right(index)?;
        let attention = Page::<AttentionPage>::open(message.take_memory(index + 1)?)?;
        if !attention.is_writable() {
            return Err(Error::malformed("the hint page of a swapchain is read-only"));
        }
        let lane = Lane(Arc::new(Mutex::new(lane)));
        Ok(Self { producer, attention, lane, owner: Owner::this_process() })
    }

    /// The same right once more.
    ///
    /// Errors: [`Status::ResourceExhausted`]; [`Status::WrongState`] in a fork.
    pub fn try_clone(&self) -> Result<Self> {
        self.owner.check()?;
        let attention = Page::open(self.attention.region())?;
        Ok(Self {
            producer: self.producer.try_clone()?,
            attention,
            lane: self.lane.clone(),
            owner: self.owner,
        })
    }
}
