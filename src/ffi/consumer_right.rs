//! Rights to consume a swapchain, which go to any process.

use super::boundary::call;
use super::handle::{borrow, out, release, retain};
use super::message::sfp_message;
use super::status::sfp_status;
use crate::error::Error;
use crate::swapchain::ConsumerRight;

/// Lets its holder become a consumer of a swapchain: sfp_consumer_attach().
///
/// It comes from sfp_producer_create_consumer_right(), out of a message, or from the other side of a
/// session. A process that only passes it on, a *broker*, is in no frame's path. As long as one is left
/// anywhere, the producer waits for consumers to come: release what you do not need any more.
///
/// A producer that ends the stream leaves the frames that are to be seen with each right that was not used yet: who
/// attaches later sees them, then gets SFP_STATUS_CLOSED. They are with the right that is used or sent first; clones
/// that are used after it get SFP_STATUS_CLOSED at once.
pub struct sfp_consumer_right(pub(super) ConsumerRight);

/// How many attachments of a message a right to consume takes.
pub const SFP_CONSUMER_RIGHT_ATTACHMENTS: u32 = 3;
const _: () = assert!(SFP_CONSUMER_RIGHT_ATTACHMENTS as usize == ConsumerRight::ATTACHMENTS);

/// Makes one more reference to a right to consume.
///
/// Parameters:
/// - `right`: the right; NULL is nothing.
///
/// Returns `right`, as a reference of its own that needs its own sfp_consumer_right_release().
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_right_retain(
    right: *mut sfp_consumer_right,
) -> *mut sfp_consumer_right {
    retain!(right)
}

/// Ends a reference to a right to consume. Consumers that were made by it stay.
///
/// Parameters:
/// - `right`: the reference, which is no longer yours; NULL is nothing.
///
/// Threads: any. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_consumer_right_release(right: *mut sfp_consumer_right) {
    release!(right);
}

/// Adds a right to consume after the attachments of a message, as the next
/// SFP_CONSUMER_RIGHT_ATTACHMENTS of them.
///
/// Parameters:
/// - `message`: the message.
/// - `right`: the right; it stays yours.
///
/// Returns:
/// - SFP_STATUS_TOO_LARGE: the message would have more than SFP_MESSAGE_MAX_ATTACHMENTS.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty, or this process is a fork of the one that has the right.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_attach_consumer_right(
    message: *mut sfp_message,
    right: *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), borrow!(right));
        message.0.with(|message| {
            let attached = right.0.try_clone()?.attach_to(message);
            attached.map_err(|(_, error): (_, Error)| error)
        })
    })
}

/// Takes a right to consume out of a message. The other attachments keep their places.
///
/// Parameters:
/// - `message`: the message.
/// - `index`: the first of its attachments, from 0.
/// - `right`: becomes the right, a reference that you release.
///
/// Returns:
/// - SFP_STATUS_INVALID_ARGUMENT: there is no such right at that place.
/// - SFP_STATUS_MALFORMED: the sender did not keep to the format. It is destroyed.
/// - SFP_STATUS_RESOURCE_EXHAUSTED: there are no descriptors for it. It stays in the message.
/// - SFP_STATUS_WRONG_STATE: the message's handle is empty.
///
/// Threads: one at a time. Systems: all.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sfp_message_take_consumer_right(
    message: *mut sfp_message,
    index: usize,
    right: *mut *mut sfp_consumer_right,
) -> sfp_status {
    call(|| {
        let (message, right) = (borrow!(message), out!(right));
        let taken = message.0.with(|message| ConsumerRight::take_from(message, index))?;
        right.give(sfp_consumer_right(taken));
        Ok(())
    })
}
