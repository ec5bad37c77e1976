//! Our swapchain, the child drawing.

use std::time::Duration;

use anyhow::Result;
use surfaceport::surface::LockMode;
use surfaceport::swapchain::{Consumer, Image, PresentInfo, PresentMode, Producer, SwapchainOptions};
use surfaceport::{Status, Timeout, time};

use super::{Arrival, Contender, Link, Plan, stamp};
use crate::peer::{Peer, SOON, Seat};
use crate::pin::look_until;

pub(super) struct Drawing {
    producer: Producer,
    ready: Option<Image>,
}

impl Drawing {
    pub(super) fn new(seat: &Seat, plan: &Plan) -> Result<Self> {
        let (width, height) = plan.size;
        let mode = if plan.in_order { PresentMode::Fifo } else { PresentMode::Mailbox };
        let options = SwapchainOptions { width, height, mode, ..SwapchainOptions::default() };
        Ok(Self { producer: seat.host.create_producer(&options)?, ready: None })
    }
}

impl Link for Drawing {
    fn prepare(&mut self, _: usize) -> Result<()> {
        let image = self.producer.acquire(Timeout::FOREVER)?;
        image.surface().lock(LockMode::Write)?.plane(0)?.write_row(0, &[1; 64])?;
        self.ready = Some(image);
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let Some(image) = self.ready.take() else { return Ok(()) };
        let mut info = PresentInfo::default();
        info.user[..8].copy_from_slice(&stamp());
        self.producer.present(image, &info).map_err(|(_, error)| error)?;
        Ok(())
    }
}

pub(super) struct Showing {
    consumer: Consumer,
    is_busy: bool,
    shared: bool,
}

impl Showing {
    pub(super) fn new(peer: &Peer, contender: Contender) -> Result<Self> {
        let consumer = peer.host.accept_consumer(SOON)?;
        if contender == Contender::SwapchainAsleep {
            consumer.set_spin_time(Duration::ZERO);
        }
        Ok(Self { consumer, is_busy: contender == Contender::SwapchainBusy, shared: peer.desk.is_shared })
    }
}

impl Link for Showing {
    fn receive(&mut self) -> Result<Arrival> {
        let mut outcome = Err(Status::TimedOut);
        if self.is_busy {
            look_until(self.shared, || {
                outcome = self.consumer.acquire(Timeout::NONE).map_err(|error| error.status());
                !matches!(outcome, Err(Status::TimedOut))
            });
        } else {
            outcome = self.consumer.acquire(Timeout::FOREVER).map_err(|error| error.status());
        }
        let frame = outcome.map_err(|status| anyhow::anyhow!("no frame: {status:?}"))?;
        let received = time::now();
        let mut stamp = [0; 8];
        stamp.copy_from_slice(&frame.info().present.user[..8]);
        let length = frame.surface().allocation_size();
        Ok(Arrival { sent: i64::from_ne_bytes(stamp), received, length })
    }
}
