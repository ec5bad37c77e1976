//! A connection to a child, and what is measured through it. The child sends and the host, which keeps the figures,
//! receives.

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use surfaceport::time;

use crate::contender::{Link, Plan, child_end, host_end};
use crate::desk::{Order, Work};
use crate::lengths::Lengths;
use crate::peer::{Peer, Role, Seat};
use crate::pin::{Pinning, look_until, pass_time_until};

/// Nanoseconds from the arrival of a message to the sending of the next: enough that a receiver which sleeps does so, and
/// well within the time for which a receiver that looks first does that.
const GAP: u64 = 20_000;
/// Exchanges of a word that are one sample, so that the clock does not count.
const EXCHANGES: u64 = 100;

/// A contender that is connected.
pub(crate) struct Connection {
    // The link goes before the child that it leads to.
    link: Box<dyn Link>,
    peer: Peer,
    pub(crate) plan: Plan,
}

impl Connection {
    pub(crate) fn start(plan: Plan, pinning: Pinning) -> Result<Self> {
        let peer = Peer::spawn(Role::Link(plan), pinning)?.watch();
        Ok(Self { link: host_end(&plan, &peer)?, peer, plan })
    }

    /// Nanoseconds one way of each message, of one length, or drawn if that is 0. The next is sent when one has arrived.
    pub(crate) fn paced(&mut self, length: usize, seed: u64, count: usize) -> Result<Vec<u64>> {
        let order = Order { length: length as u64, gap: GAP, seed, ..Order::new(Work::Paced, count) };
        self.peer.desk.order(order)?;
        let mut latencies = Vec::with_capacity(count);
        for number in 1..=count as u64 {
            latencies.push(self.link.receive()?.latency());
            self.peer.desk.step(number);
        }
        self.peer.desk.wait_done()?;
        Ok(latencies)
    }

    /// Nanoseconds there and back, of messages of drawn lengths, the making of them included.
    pub(crate) fn round_trips(&mut self, seed: u64, count: usize) -> Result<Vec<u64>> {
        self.peer.desk.order(Order::new(Work::Echo, count))?;
        let mut lengths = Lengths::new(0, seed);
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let length = lengths.next();
            let begin = time::now();
            self.link.prepare(length)?;
            self.link.send()?;
            let arrival = self.link.receive()?;
            times.push((arrival.received - begin) as u64);
            ensure!(arrival.length == length, "{} bytes came back of {length}", arrival.length);
        }
        self.peer.desk.wait_done()?;
        Ok(times)
    }

    /// Messages a second, of one or of drawn lengths, the making of them included.
    pub(crate) fn flood(&mut self, length: usize, seed: u64, count: usize) -> Result<f64> {
        let order = Order { length: length as u64, seed, ..Order::new(Work::Flood, count) };
        self.peer.desk.order(order)?;
        let mut lengths = Lengths::new(length, seed);
        let (mut first, mut last) = (0, 0);
        for number in 0..count {
            let arrival = self.link.receive()?;
            let wanted = lengths.next();
            ensure!(arrival.length == wanted, "{} bytes arrived instead of {wanted}", arrival.length);
            if number == 0 {
                // Not when it was received: what was sent until then would count for nothing.
                first = arrival.sent;
            }
            last = arrival.received;
        }
        self.peer.desk.wait_done()?;
        Ok(count as f64 * 1e9 / (last - first).max(1) as f64)
    }

    /// Nanoseconds of processor that both processes take for so many messages, one at each tick.
    pub(crate) fn clocked(&mut self, length: usize, tick: u64, count: usize) -> Result<u64> {
        let begin = processor_time();
        let order = Order { length: length as u64, gap: tick, ..Order::new(Work::Clocked, count) };
        self.peer.desk.order(order)?;
        for _ in 0..count {
            self.link.receive()?;
        }
        self.peer.desk.wait_done()?;
        Ok(processor_time() - begin + self.peer.desk.result(0))
    }

    /// Nanoseconds one way of a word in a cache line.
    pub(crate) fn ping_pong(&mut self, count: usize) -> Result<Vec<u64>> {
        let desk = &mut self.peer.desk;
        desk.set_result(1, 0);
        desk.order(Order::new(Work::PingPong, count * EXCHANGES as usize))?;
        let mut number = 0;
        let mut exchange = || {
            number += 1;
            desk.step(number);
            look_until(desk.is_shared, || desk.result(1) == number);
        };
        // Until the child is there.
        exchange();
        let times = (1..count).map(|_| {
            let begin = time::now();
            (0..EXCHANGES).for_each(|_| exchange());
            (time::now() - begin) as u64 / (2 * EXCHANGES)
        });
        let times = times.collect();
        (1..EXCHANGES).for_each(|_| exchange());
        desk.wait_done()?;
        Ok(times)
    }
}

/// Of this process, in nanoseconds.
pub(crate) fn processor_time() -> u64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The child's part: does as it is told until it is told to stop.
pub(crate) fn serve(plan: &Plan, mut seat: Seat) -> Result<()> {
    let mut link = child_end(plan, &seat)?;
    loop {
        let order = seat.desk.next_order()?;
        let shared = seat.desk.is_shared;
        let mut lengths = Lengths::new(order.length as usize, order.seed);
        match order.work {
            Work::Stop => return Ok(()),
            Work::Paced => {
                for number in 0..order.count {
                    seat.desk.wait_step(number);
                    let moment = time::now() + order.gap as i64;
                    link.prepare(lengths.next())?;
                    pass_time_until(shared, moment);
                    link.send()?;
                }
            }
            Work::Echo => {
                for _ in 0..order.count {
                    let arrival = link.receive()?;
                    link.prepare(arrival.length)?;
                    link.send()?;
                }
            }
            Work::Flood => {
                for _ in 0..order.count {
                    link.prepare(lengths.next())?;
                    link.send()?;
                }
            }
            Work::Clocked => {
                let begin = processor_time();
                let first = time::now();
                for number in 0..order.count {
                    sleep_until(first + (number * order.gap) as i64);
                    link.prepare(lengths.next())?;
                    link.send()?;
                }
                seat.desk.set_result(0, processor_time() - begin);
            }
            Work::PingPong => {
                for number in 1..=order.count {
                    seat.desk.wait_step(number);
                    seat.desk.set_result(1, number);
                }
            }
        }
        seat.desk.done()?;
    }
}

/// Sleeps, without looking.
pub(crate) fn sleep_until(moment: i64) {
    let left = moment - time::now();
    if left > 0 {
        std::thread::sleep(std::time::Duration::from_nanos(left as u64));
    }
}
