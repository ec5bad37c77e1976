//! Messages: what is sent is what arrives, except for what another process would see in another way.

use super::failures::point;
use super::port::{Port, SendOnceRight, SendRight};
use crate::error::Result;
use crate::sys::contents::{Attachment, AttachmentRef, Incoming, Outgoing, Payload, Sender};
use crate::time::Deadline;

pub(crate) fn send(right: &SendRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    send_to(right.port(), message, deadline)
}

pub(crate) fn send_once(right: &SendOnceRight, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    send_to(right.once().port(), message, deadline)?;
    right.once().use_up();
    Ok(())
}

fn send_to(port: &Port, message: Outgoing<'_>, deadline: Deadline) -> Result<()> {
    point("sending a message")?;
    port.push(deadline, || {
        let payload = match message.payload {
            Payload::OutOfLine(memory) => Payload::OutOfLine(memory.for_others()),
            inside => Payload::Inline(inside.bytes().to_vec()),
        };
        let attachments = message.attachments.iter().map(for_others).collect::<Result<_>>()?;
        let sender = Sender { process_id: std::process::id(), user_id: 0, group_id: 0, process: None };
        let reply = message.reply.cloned();
        let Outgoing { id, control, number, .. } = message;
        Ok(Incoming { id, control, number, payload, reply, attachments, sender })
    })
}

fn for_others(attachment: &AttachmentRef<'_>) -> Result<Attachment> {
    Ok(match *attachment {
        AttachmentRef::SendRight(right) => Attachment::SendRight(right.for_others()),
        AttachmentRef::ReceiveRight(right) => Attachment::ReceiveRight(right.clone()),
        AttachmentRef::Memory(memory) => Attachment::Memory(memory.for_others()),
        AttachmentRef::Surface(surface) => Attachment::Surface(surface.for_others()?),
        AttachmentRef::Descriptor(fd) => {
            let duplicate = fd.try_clone_to_owned();
            Attachment::Descriptor(duplicate.map_err(|error| {
                crate::error::Error::new(
                    crate::error::Status::ResourceExhausted,
                    format!("duplicating a descriptor: {error}"),
                )
            })?)
        }
    })
}
