//! A child that the host started: this same program in a role.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use surfaceport::Timeout;
use surfaceport::channel::Channel;
use surfaceport::message::{Attachment, Message};
use surfaceport::session::{Child, Host, SpawnOptions};

use crate::contender::Plan;
use crate::desk::{Desk, Order, Work};
use crate::pin::{Pinning, pin};
use crate::table::startup::Start;

/// Long enough for everything that does not hang.
pub(crate) const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

/// What a child is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    /// The sending side of a contender.
    Link(Plan),
    /// A producer among many.
    Producer,
    /// A consumer among many.
    Consumer,
    /// A first frame, and no more.
    Start(Start),
}

/// What a child is told when it is started.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub(crate) role: Role,
    pub(crate) pinning: Pinning,
}

impl Assignment {
    /// The arguments of the child's program.
    pub(crate) fn arguments(&self) -> Result<[std::ffi::OsString; 3]> {
        let program = std::env::current_exe()?.into_os_string();
        Ok([program, "child".into(), serde_json::to_string(self)?.into()])
    }
}

/// The host's end of a child.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) host: Arc<Host>,
    pub(crate) desk: Desk,
    is_stopping: Arc<AtomicBool>,
}

impl Peer {
    pub(crate) fn spawn(role: Role, pinning: Pinning) -> Result<Self> {
        let host = Arc::new(Host::spawn(&SpawnOptions::new(Assignment { role, pinning }.arguments()?))?);
        let desk = Desk::create(pinning)?;
        let mut message = Message::new(0);
        message.attach(desk.region()).map_err(surfaceport::Error::from)?;
        let peer = Self { host, desk, is_stopping: Arc::default() };
        peer.give(message)?;
        Ok(peer)
    }

    /// Ends this process if the child ends unasked, instead of waiting for it for ever. Takes a thread, which sleeps.
    pub(crate) fn watch(self) -> Self {
        let (host, is_stopping) = (self.host.clone(), self.is_stopping.clone());
        std::thread::spawn(move || {
            let end = host.wait_exit(Timeout::FOREVER);
            // The order to stop and the child's end are in order; the flag needs none.
            if !is_stopping.load(Ordering::Relaxed) {
                eprintln!("a child ended too early: {end:?}");
                std::process::exit(1);
            }
        });
        self
    }

    pub(crate) fn channel(&self) -> Result<&Arc<Channel>> {
        Ok(self.host.channel(SOON)?)
    }

    /// Sends what the child needs to begin.
    pub(crate) fn give(&self, message: Message) -> Result<()> {
        Ok(self.channel()?.send(message, SOON).map_err(surfaceport::Error::from)?)
    }

    pub(crate) fn take(&self) -> Result<Message> {
        Ok(self.channel()?.receive(SOON)?)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.is_stopping.store(true, Ordering::Relaxed);
        let stopped = self.desk.order(Order::new(Work::Stop, 0)).is_ok()
            && self.host.wait_exit(Timeout::from_nanoseconds(2_000_000_000)).is_ok();
        if !stopped {
            let _ = self.host.kill();
        }
    }
}

/// The child's end.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) host: Child,
    pub(crate) desk: Desk,
}

impl Seat {
    pub(crate) fn take_place(pinning: Pinning) -> Result<Self> {
        pin(pinning.child)?;
        let host = Child::connect(SOON)?;
        let desk = host.channel().receive(SOON)?.take_memory(0)?;
        Ok(Self { host, desk: Desk::open(desk, pinning) })
    }

    pub(crate) fn give(&self, message: Message) -> Result<()> {
        Ok(self.host.channel().send(message, SOON).map_err(surfaceport::Error::from)?)
    }

    pub(crate) fn take(&self) -> Result<Message> {
        Ok(self.host.channel().receive(SOON)?)
    }
}

/// A message of attachments alone.
pub(crate) fn parcel(attachments: impl IntoIterator<Item = Attachment>) -> Result<Message> {
    let mut message = Message::new(0);
    for attachment in attachments {
        message.attach(attachment).map_err(surfaceport::Error::from)?;
    }
    Ok(message)
}

/// A message of text alone.
pub(crate) fn note(text: &str) -> Result<Message> {
    Ok(Message::with_payload(0, text)?)
}

/// What [`note`] says.
pub(crate) fn read_note(message: &Message) -> Result<String> {
    String::from_utf8(message.payload().to_vec()).context("a note is text")
}
