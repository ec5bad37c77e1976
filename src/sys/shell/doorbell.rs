//! Doorbells: a port to which the ringer sends messages that nobody reads.

use std::os::fd::BorrowedFd;

use super::failures::point;
use super::message::send;
use super::port::{Identity, ReceiveRight, SendRight};
use crate::error::{Result, Status};
use crate::sys::contents::{Outgoing, Payload, Received};
use crate::time::Deadline;

pub(crate) use crate::sys::notices::Rung;

#[derive(Debug)]
pub(crate) struct Doorbell(ReceiveRight);

#[derive(Debug)]
pub(crate) struct Ringer(SendRight);

pub(crate) fn doorbell() -> Result<(Doorbell, Ringer)> {
    let waiting = ReceiveRight::new(Identity::Credentials)?;
    let ringer = Ringer(waiting.make_send()?);
    Ok((Doorbell(waiting), ringer))
}

impl Doorbell {
    pub(crate) fn descriptor(&self) -> BorrowedFd<'_> {
        self.0.descriptor()
    }

    pub(super) fn port(&self) -> &ReceiveRight {
        &self.0
    }

    pub(crate) fn drain(&self) -> Result<Rung> {
        point("looking at a doorbell")?;
        let mut rung = Rung::No;
        while self.0.has_news() {
            match self.0.receive(Deadline::NOW)? {
                Received::Message(_) | Received::Destroyed(..) | Received::SendOnceDestroyed => {
                    rung = Rung::Yes
                }
                Received::NoSenders => break,
            }
        }
        Ok(if self.0.has_senders()? { rung } else { Rung::RingerDead })
    }
}

impl Ringer {
    pub(crate) fn ring(&self) -> Result<()> {
        let payload = Payload::Inline(Vec::new());
        let ring = Outgoing {
            id: 0,
            control: false,
            number: None,
            payload: &payload,
            reply: None,
            attachments: &[],
        };
        match send(&self.0, ring, Deadline::NOW) {
            Err(error) if error.status() == Status::TimedOut => Ok(()),
            outcome => outcome,
        }
    }

    pub(crate) fn into_send_right(self) -> SendRight {
        self.0
    }

    pub(crate) fn from_send_right(right: SendRight) -> Self {
        Self(right)
    }
}
