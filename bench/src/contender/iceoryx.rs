//! iceoryx2: slices of bytes from a publisher to a subscriber, filled in place, in each direction; the subscriber polls,
//! or sleeps until a notifier of its event service wakes it. Nothing is dropped: a publisher waits for room.

use anyhow::{Result, anyhow};
use iceoryx2::port::listener::Listener;
use iceoryx2::port::notifier::Notifier;
use iceoryx2::port::publisher::Publisher;
use iceoryx2::port::subscriber::Subscriber;
use iceoryx2::prelude::*;
use iceoryx2::sample::Sample;
use iceoryx2::sample_mut::SampleMut;
use surfaceport::time;

use super::{Arrival, Contender, Link, MADE_ANEW, Plan, Source, stamp};
use crate::pin::look_until;

/// Whose end it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Host,
    Child,
}

/// A name that no other connection has.
pub(super) fn service_name() -> String {
    format!("surfaceport-bench/{}/{}", std::process::id(), time::now())
}

pub(super) struct Iceoryx {
    // The ports go before the node that they belong to.
    publisher: Publisher<ipc::Service, [u8], ()>,
    subscriber: Subscriber<ipc::Service, [u8], ()>,
    /// To wake the other side, and to be woken.
    events: Option<(Notifier<ipc::Service>, Listener<ipc::Service>)>,
    ready: Option<SampleMut<ipc::Service, [u8], ()>>,
    source: Source,
    shared: bool,
    _node: Node<ipc::Service>,
}

/// Its errors are not all of the kind that can be kept.
fn plain(error: impl std::fmt::Debug) -> anyhow::Error {
    anyhow!("iceoryx2: {error:?}")
}

impl Iceoryx {
    pub(super) fn new(name: &str, side: Side, plan: &Plan, shared: bool) -> Result<Self> {
        set_log_level(LogLevel::Error);
        let node = NodeBuilder::new()
            .signal_handling_mode(SignalHandlingMode::Disabled)
            .create::<ipc::Service>()
            .map_err(plain)?;
        let (to, from) = match side {
            Side::Host => ("child", "host"),
            Side::Child => ("host", "child"),
        };
        let bytes = |direction: &str| {
            let name = ServiceName::new(&format!("{name}/bytes/{direction}")).map_err(plain)?;
            let builder = node.service_builder(&name).publish_subscribe::<[u8]>();
            let builder = builder.enable_safe_overflow(false).history_size(0).max_publishers(1);
            let builder = builder.max_subscribers(1).subscriber_max_buffer_size(plan.depth);
            builder.subscriber_max_borrowed_samples(2).open_or_create().map_err(plain)
        };
        let publisher = bytes(to)?
            .publisher_builder()
            .initial_max_slice_len(plan.capacity)
            .max_loaned_samples(2)
            .backpressure_strategy(BackpressureStrategy::RetryUntilDelivered)
            .create()
            .map_err(plain)?;
        let subscriber = bytes(from)?.subscriber_builder().create().map_err(plain)?;
        let event = |direction: &str| {
            let name = ServiceName::new(&format!("{name}/event/{direction}")).map_err(plain)?;
            node.service_builder(&name).event().open_or_create().map_err(plain)
        };
        let events = if plan.contender == Contender::IceoryxEvents {
            let notifier = event(to)?.notifier_builder().create().map_err(plain)?;
            Some((notifier, event(from)?.listener_builder().create().map_err(plain)?))
        } else {
            None
        };
        let source = Source::new(plan.capacity.min(MADE_ANEW));
        Ok(Self { publisher, subscriber, events, ready: None, source, shared, _node: node })
    }

    fn next_sample(&self) -> Result<Sample<ipc::Service, [u8], ()>> {
        let mut found = self.subscriber.receive().map_err(plain);
        if let Some((_, listener)) = &self.events {
            while matches!(found, Ok(None)) {
                listener.blocking_wait(|_| {}).map_err(plain)?;
                found = self.subscriber.receive().map_err(plain);
            }
        } else {
            look_until(self.shared, || {
                if matches!(found, Ok(None)) {
                    found = self.subscriber.receive().map_err(plain);
                }
                !matches!(found, Ok(None))
            });
        }
        found?.ok_or_else(|| anyhow!("no sample"))
    }
}

impl Link for Iceoryx {
    #[allow(unsafe_code)]
    fn prepare(&mut self, length: usize) -> Result<()> {
        let sample = self.publisher.loan_slice_uninit(length).map_err(plain)?;
        self.ready = Some(if length <= MADE_ANEW {
            sample.write_from_slice(&self.source.0[..length])
        } else {
            // SAFETY: bytes of shared memory, which has zeros at first and any bytes are valid; none is read before the
            // other side, which is the same as with any other shared memory.
            let mut sample = unsafe { sample.assume_init() };
            sample.payload_mut()[..64].copy_from_slice(&self.source.0[..64]);
            sample
        });
        Ok(())
    }

    fn send(&mut self) -> Result<()> {
        let Some(mut sample) = self.ready.take() else { return Ok(()) };
        sample.payload_mut()[..8].copy_from_slice(&stamp());
        sample.send().map_err(plain)?;
        if let Some((notifier, _)) = &self.events {
            notifier.notify().map_err(plain)?;
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Arrival> {
        Arrival::of(self.next_sample()?.payload())
    }
}
