//! The order of one direction of a channel, whose messages come through two queues: the ring and the port.
//!
//! Each message has a number, the next one after that of the message before, wherever it travels. The sender has put a
//! message into its queue before it begins with the next one; both queues keep their order. So of whatever is at the heads
//! of the two, the message with the next number is delivered, and if it is at neither:
//!
//! - *Something is in the ring, and the port, asked after that was seen, is empty.* All messages before it were sent before
//!   it. Those in the port would be there, those in the ring are ahead of it. So what is missing was destroyed on its way,
//!   and will never come.
//! - *Something is at the head of the port, and the ring, looked at after that was taken out, is empty.* The same.
//! - *Both have a head.* What is missing comes before both, and is in neither: the same. The earlier one is next.
//!
//! The receiver is told of each such gap once, in its place. Nothing else has to be known of a message that never comes,
//! nobody waits for a sender that died, and what a stranger puts into the port never gets here.
//!
//! A sender that begins anew, because its end of the channel was closed and opened again, begins with [`FIRST`], in the port;
//! what its predecessor left in the ring comes before that. A receiver that begins anew takes the first number that it finds.

/// The number of a sender's first message.
pub(super) const FIRST: u32 = 0;

/// The number after this one. That of a first message is not used again.
pub(super) const fn after(number: u32) -> u32 {
    match number.wrapping_add(1) {
        FIRST => FIRST + 1,
        next => next,
    }
}

/// Whether a number comes before another one, of which there are far fewer on their way than numbers.
const fn is_before(one: u32, other: u32) -> bool {
    other.wrapping_sub(one) as i32 > 0
}

/// What a receiver knows of the order of its messages.
#[derive(Debug)]
pub(super) struct Order<T> {
    /// The number of the next message; none before the first.
    next: Option<u32>,
    /// The head of the port, with its number: taken out of the port, and in most cases the next one.
    port: Option<(u32, T)>,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step<T> {
    /// The ring's head.
    Ring,
    /// The port's head.
    Port(T),
    /// Messages that were destroyed, so many.
    Missing(u32),
    /// What comes next is not known before the port was looked at.
    LookAtPort,
    /// Nothing, for now.
    Nothing,
}

impl<T> Order<T> {
    pub(super) fn new() -> Self {
        Self { next: None, port: None }
    }

    /// Whether this is the number of the next message, for sure.
    #[inline]
    pub(super) fn is_next(&self, number: Option<u32>) -> bool {
        number.is_some() && number == self.next
    }

    /// Behind the delivery of the ring's head.
    #[inline]
    pub(super) fn advance(&mut self) {
        self.next = self.next.map(after);
    }

    /// Whether the head of the port is here.
    pub(super) fn has_port(&self) -> bool {
        self.port.is_some()
    }

    /// Whether this number was delivered: the port brings a message twice that could not be taken out of its queue.
    pub(super) fn is_past(&self, number: u32) -> bool {
        number != FIRST && self.next.is_some_and(|next| is_before(number, next))
    }

    /// Takes in the head of the port.
    pub(super) fn put_port(&mut self, number: u32, head: T) {
        debug_assert!(self.port.is_none(), "the port has one head");
        self.port = Some((number, head));
    }

    /// The sender's numbers are not known any more.
    pub(super) fn forget(&mut self) {
        self.next = None;
    }

    /// What comes next. `ring`: the number at its head, seen after the port's head was put here. `port_is_empty`: the port
    /// was, after the ring's head was seen.
    pub(super) fn step(&mut self, ring: Option<u32>, port_is_empty: bool) -> Step<T> {
        let port = self.port.as_ref().map(|(number, _)| *number);
        if self.is_next(ring) {
            return Step::Ring;
        }
        let head = match (ring, port) {
            _ if self.is_next(port) => port,
            (None, None) => return Step::Nothing,
            (Some(_), None) if !port_is_empty => return Step::LookAtPort,
            (Some(ring), Some(port)) if port == FIRST || is_before(ring, port) => Some(ring),
            (Some(_), Some(_)) | (None, Some(_)) => port,
            (Some(_), None) => ring,
        };
        let known = self.next.filter(|_| head != Some(FIRST));
        let missing = head.zip(known).map_or(0, |(head, next)| head.wrapping_sub(next));
        self.next = head;
        if missing != 0 {
            return Step::Missing(missing);
        }
        match self.port.take_if(|_| head == port) {
            Some((_, head)) => {
                self.advance();
                Step::Port(head)
            }
            None => Step::Ring,
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_first_number_is_used_once() {
        assert_eq!((after(FIRST), after(7), after(u32::MAX)), (1, 8, 1));
        assert!(is_before(1, 2) && is_before(u32::MAX, 1) && !is_before(2, 1) && !is_before(3, 3));
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Way {
        Ring,
        Port,
        /// By the port, and destroyed: what is left says its number.
        Destroyed,
        /// By the port, and nothing is left of it.
        Lost,
    }

    #[derive(Clone, Copy, Debug)]
    enum Turn {
        Send(Way),
        /// Closes the sender's end and opens it again.
        BeginAnew,
        /// One look of the receiver, between which the sender can do anything.
        Look,
    }

    fn turn() -> impl Strategy<Value = Turn> {
        let way = prop::sample::select(vec![Way::Ring, Way::Ring, Way::Port, Way::Destroyed, Way::Lost]);
        prop_oneof![8 => way.prop_map(Turn::Send), 1 => Just(Turn::BeginAnew), 12 => Just(Turn::Look)]
    }

    /// What the receiver is told: a message, or that some were destroyed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    enum Told {
        Message(usize),
        Gap,
    }

    /// Both sides, and the queues between them, of numbers and what is told in their place.
    #[derive(Debug)]
    struct Model {
        number: u32,
        sent: usize,
        /// The receiver reads the ring of this sender, and no earlier one's.
        has_ring: bool,
        ring: VecDeque<(u32, Told)>,
        port: VecDeque<(u32, Told)>,
        expected: Vec<Told>,
        has_gap: bool,
        order: Order<Told>,
        seen: Option<Option<u32>>,
        port_is_empty: bool,
        told: Vec<Told>,
    }

    impl Model {
        fn send(&mut self, way: Way) {
            // A sender's first message goes by the port; that a receiver never hears of it is not to be told from its
            // sender having begun with another one.
            let way = match way {
                Way::Lost if self.number == FIRST => Way::Port,
                Way::Ring if !self.has_ring => Way::Port,
                way => way,
            };
            let told = if way == Way::Destroyed { Told::Gap } else { Told::Message(self.sent) };
            match way {
                Way::Ring => self.ring.push_back((self.number, told)),
                Way::Port | Way::Destroyed => self.port.push_back((self.number, told)),
                Way::Lost => {}
            }
            if way == Way::Lost {
                self.has_gap = true;
            } else {
                let is_told = std::mem::take(&mut self.has_gap) && self.number != FIRST;
                self.expected.extend(is_told.then_some(Told::Gap));
                self.expected.push(told);
            }
            self.sent += 1;
            self.number = after(self.number);
        }

        /// One look of the receiver: at the ring, or what follows from that, with a look at the port.
        fn look(&mut self) {
            let Some(ring) = self.seen.take() else {
                self.seen = Some(self.ring.front().map(|(number, _)| *number));
                return;
            };
            let step = self.order.step(ring, self.port_is_empty);
            self.port_is_empty = false;
            match step {
                Step::Nothing | Step::LookAtPort => match self.port.pop_front() {
                    Some((number, told)) => self.order.put_port(number, told),
                    None => self.port_is_empty = step == Step::LookAtPort,
                },
                Step::Missing(_) => self.told.push(Told::Gap),
                Step::Port(told) => {
                    self.told.push(told);
                    // An offer comes after the first message of the sender that sends now.
                    self.has_ring |= self.port.is_empty() && self.number != FIRST;
                }
                Step::Ring => {
                    self.told.extend(self.ring.pop_front().map(|(_, told)| told));
                    self.order.advance();
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

        #[test]
        fn messages_and_gaps_are_told_of_in_the_order_in_which_they_were_sent(
            turns in prop::collection::vec(turn(), 0..200),
            wraps in any::<bool>(),
        ) {
            let mut model = Model {
                number: FIRST,
                sent: 0,
                has_ring: false,
                ring: VecDeque::new(),
                port: VecDeque::new(),
                expected: Vec::new(),
                has_gap: false,
                order: Order::new(),
                seen: None,
                port_is_empty: false,
                told: Vec::new(),
            };
            if wraps {
                model.number = u32::MAX - 20;
                model.send(Way::Port);
            }
            for turn in &turns {
                match turn {
                    Turn::Send(way) => model.send(*way),
                    Turn::BeginAnew => (model.number, model.has_ring) = (FIRST, false),
                    Turn::Look => model.look(),
                }
            }
            for _ in 0..8 * turns.len() + 8 {
                model.look();
            }
            prop_assert_eq!(model.told, model.expected);
        }
    }
}
