//! Swapchains whose other side does not keep to the rules: it speaks the protocol by hand and writes what it likes
//! into its page.
#![allow(missing_docs)]

mod process;

use proptest::prelude::*;
use surfaceport::memory::{Access, MemoryRegion};
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::surface::PixelFormat;
use surfaceport::swapchain::{
    Consumer, ConsumerOptions, ConsumerRight, PresentInfo, PresentMode, Producer, SwapchainOptions,
};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(5_000_000_000);

// The layout of the shared pages, as `control.rs` declares it.
const CONSUMER_PAGE: usize = 320;
const CONSUMED: usize = 128;
const WAITING: usize = 192;
const PLACES: usize = 264;
const PRODUCER_PAGE: usize = 4544;
const ORDER: usize = 192;

fn options(mode: PresentMode) -> SwapchainOptions {
    SwapchainOptions { width: 8, height: 8, images: 3, mode, ..process::plain::swapchain_options() }
}

/// A consumer that only its test's fantasy limits.
struct Rogue {
    port: ReceiveRight,
    /// The producer's port for this consumer.
    to_producer: SendRight,
    page: MemoryRegion,
    /// Where the producer rings; nobody ever listens.
    _doorbell: ReceiveRight,
}

fn attach_by_hand(producer: &Producer, page_size: usize, change: impl FnOnce(Message) -> Message) -> Rogue {
    let mut right = Message::new(0);
    producer.consumer_right().unwrap().attach_to(&mut right).unwrap();
    let (port, link, doorbell) =
        (ReceiveRight::new().unwrap(), ReceiveRight::new().unwrap(), ReceiveRight::new().unwrap());
    let to_producer = link.make_send().unwrap();
    let page = MemoryRegion::create(page_size, Access::ReadWrite).unwrap();
    page.write(PLACES.min(page_size - 4), &16_u32.to_le_bytes()).unwrap();
    let mut attach = Message::with_payload(1, [1, 0, 0, 0]).unwrap();
    attach.attach(link).unwrap();
    attach.attach(port.make_send().unwrap()).unwrap();
    attach.attach(page.clone()).unwrap();
    attach.attach(doorbell.make_send().unwrap()).unwrap();
    right.take_send_right(0).unwrap().send(change(attach), SOON).unwrap();
    producer.service();
    Rogue { port, to_producer, page, _doorbell: doorbell }
}

fn attach(producer: &Producer) -> Consumer {
    let consumer = Consumer::attach(producer.consumer_right().unwrap(), &ConsumerOptions::default()).unwrap();
    producer.service();
    consumer
}

fn present(producer: &Producer) -> Result<u64, Status> {
    let image = producer.acquire(Timeout::NONE).map_err(|error| error.status())?;
    Ok(producer.present(image, &PresentInfo::default()).unwrap())
}

#[test]
fn pages_and_attaches_of_another_shape_are_refused() {
    let producer = Producer::create(&options(PresentMode::Mailbox)).unwrap();
    let refusals: [(usize, &[u8]); 5] = [
        (CONSUMER_PAGE - 1, &[1, 0, 0, 0]),
        (4096, &[1, 0, 0, 0]),
        (CONSUMER_PAGE, &[2, 0, 0, 0]),
        (CONSUMER_PAGE, &[1, 0, 9, 0]),
        (CONSUMER_PAGE, &[1]),
    ];
    for (n, (size, payload)) in refusals.into_iter().enumerate() {
        let rogue = attach_by_hand(&producer, size, |mut message| {
            message.set_payload(payload).unwrap();
            message
        });
        assert_eq!(producer.statistics().refused, n as u64 + 1);
        let refusal = rogue.port.receive(SOON).unwrap();
        assert_eq!(refusal.id(), 5, "it is told");
        assert!(!refusal.payload().is_empty(), "and why");
    }
    let _good = attach_by_hand(&producer, CONSUMER_PAGE, |message| message);
    assert_eq!(producer.statistics().consumers, 1);
}

#[test]
fn nobody_attaches_without_an_end() {
    let producer = Producer::create(&options(PresentMode::Mailbox)).unwrap();
    let rogues: Vec<_> =
        (0..20).map(|_| attach_by_hand(&producer, CONSUMER_PAGE, |message| message)).collect();
    assert_eq!(producer.statistics().consumers, 16);
    drop(rogues);
    producer.service();
    assert_eq!(producer.statistics().consumers, 0);
}

#[test]
fn made_up_holds_keep_nothing_and_a_doorbell_that_nobody_hears_blocks_nobody() {
    let producer = Producer::create(&options(PresentMode::Mailbox)).unwrap();
    let rogue = attach_by_hand(&producer, CONSUMER_PAGE, |message| message);
    let honest = attach(&producer);
    for round in 0..100_000_u64 {
        let made_up = round.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        if round % 16 == 0 {
            (0..CONSUMER_PAGE / 8).for_each(|word| rogue.page.write(word * 8, &made_up).unwrap());
        }
        rogue.page.write(WAITING, &(round + 1).to_le_bytes()).unwrap();
        present(&producer).unwrap();
    }
    assert_eq!(honest.acquire(SOON).unwrap().number(), 100_000);
}

#[test]
fn a_consumer_that_holds_all_it_can_gives_it_back_by_its_end() {
    let producer = Producer::create(&options(PresentMode::Mailbox)).unwrap();
    let rogue = attach_by_hand(&producer, CONSUMER_PAGE, |message| message);
    let mut place = 0;
    let stopped = (0..100).find_map(|_| match present(&producer) {
        // The very word that the frame has, in each place that holds can be in.
        Ok(number) => {
            for cell in 0..3_u64 {
                rogue.page.write(place * 8, &(number << 24 | 1 << 8 | cell).to_le_bytes()).unwrap();
                place = (place + 1) % 16;
            }
            None
        }
        Err(status) => Some(status),
    });
    assert_eq!(stopped, Some(Status::TimedOut));
    let honest = attach(&producer);
    drop(rogue);
    present(&producer).unwrap();
    honest.acquire(SOON).unwrap();
}

#[test]
fn a_fifo_consumer_that_lies_about_what_it_took_loses_its_own_frames_only() {
    let producer = Producer::create(&options(PresentMode::Fifo)).unwrap();
    let rogue = attach_by_hand(&producer, CONSUMER_PAGE, |message| message);
    let honest = attach(&producer);
    rogue.page.write(CONSUMED, &u64::MAX.to_le_bytes()).unwrap();
    for number in 1..=100 {
        assert_eq!(present(&producer), Ok(number));
        assert_eq!(honest.acquire(SOON).unwrap().number(), number);
    }
    drop((honest, rogue));
    producer.service();
    let next = attach(&producer);
    assert_eq!(present(&producer), Ok(101));
    assert!(
        next.acquire(SOON).unwrap().number() >= 100,
        "a lie about the future does not hide frames from the next"
    );
}

#[test]
fn a_consumer_that_sends_what_it_was_not_asked_for_is_sent_away() {
    let producer = Producer::create(&options(PresentMode::Mailbox)).unwrap();
    let rogue = attach_by_hand(&producer, CONSUMER_PAGE, |message| message);
    assert_eq!(producer.statistics().consumers, 1);
    rogue.to_producer.send(Message::with_payload(3, "images?").unwrap(), SOON).unwrap();
    producer.service();
    assert_eq!(producer.statistics().consumers, 0);
}

/// A producer by hand: welcomes one consumer with a page that it may fill with anything.
struct RogueProducer {
    to_consumer: SendRight,
    page: MemoryRegion,
    consumer_page: MemoryRegion,
    _link: ReceiveRight,
    _ringer: SendRight,
    _doorbell: ReceiveRight,
}

fn welcome_by_hand() -> (Consumer, RogueProducer) {
    let port = ReceiveRight::new().unwrap();
    let mut right = Message::new(0);
    right.attach(port.make_send().unwrap()).unwrap();
    right.attach(MemoryRegion::create(4, Access::ReadWrite).unwrap()).unwrap();
    let right = ConsumerRight::take_from(&mut right, 0).unwrap();
    let consumer = Consumer::attach(right, &ConsumerOptions::default()).unwrap();
    let mut attach = port.receive(SOON).unwrap();
    let link = attach.take_receive_right(0).unwrap();
    let to_consumer = attach.take_send_right(1).unwrap();
    let ringer = attach.take_send_right(3).unwrap();
    let consumer_page = attach.take_memory(2).unwrap();
    let page = MemoryRegion::create(PRODUCER_PAGE, Access::ReadWrite).unwrap();
    let doorbell = ReceiveRight::new().unwrap();
    let rogue =
        RogueProducer { to_consumer, page, consumer_page, _link: link, _ringer: ringer, _doorbell: doorbell };
    (consumer, rogue)
}

impl RogueProducer {
    fn welcome(&self, mode: u8) {
        let payload = [[1, 0, mode, 0, 0, 0, 0, 0], 1_u64.to_le_bytes()].concat();
        let mut welcome = Message::with_payload(2, payload).unwrap();
        welcome.attach(self.page.clone()).unwrap();
        welcome.attach(self._doorbell.make_send().unwrap()).unwrap();
        self.to_consumer.send(welcome, SOON).unwrap();
    }

    fn images(&self, generation: u8, count: u8) {
        let payload = [
            &[generation, 0, count, 0][..],
            &8_u32.to_le_bytes(),
            &8_u32.to_le_bytes(),
            &PixelFormat::Bgra8.four_cc().to_le_bytes(),
        ];
        let mut images = Message::with_payload(3, payload.concat()).unwrap();
        for _ in 0..count {
            images.attach(process::plain::surface(8, 8, PixelFormat::Bgra8)).unwrap();
        }
        self.to_consumer.send(images, SOON).unwrap();
    }
}

#[test]
fn a_frame_whose_images_never_come_is_no_frame() {
    let (consumer, rogue) = welcome_by_hand();
    rogue.welcome(1);
    rogue.images(1, 2);
    let frame =
        |number: u64, generation: u64, cell: u64| (number << 24 | generation << 8 | cell).to_le_bytes();
    for (word, expected) in [
        (frame(1, 7, 0), None),
        (frame(2, 1, 2), None),
        (frame(3, 1, 255), None),
        (frame(4, 1, 1), Some(4)),
        (frame(3, 1, 0), None),
        ([0xff; 8], None),
    ] {
        rogue.page.write(0, &word).unwrap();
        let taken = consumer.acquire(Timeout::NONE).ok().map(|frame| frame.number());
        assert_eq!(taken, expected, "{word:?}");
    }
    drop(rogue);
    assert_eq!(consumer.acquire(SOON).unwrap_err().status(), Status::PeerDead);
}

#[test]
fn a_fifo_frame_is_not_taken_before_its_images_are_there() {
    let (consumer, slow) = welcome_by_hand();
    slow.welcome(2);
    let frame = 1_u64 << 24 | 1 << 8;
    slow.page.write(ORDER + 8, &frame.to_le_bytes()).unwrap();
    assert_eq!(consumer.acquire(Timeout::NONE).unwrap_err().status(), Status::TimedOut);
    let mut consumed = [0xff; 8];
    slow.consumer_page.read(CONSUMED, &mut consumed).unwrap();
    assert_eq!(consumed, [0; 8], "or the producer draws over it");
    slow.images(1, 3);
    assert_eq!(consumer.acquire(SOON).unwrap().number(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_page_of_garbage_never_harms_the_consumer(
        mode in 1_u8..4,
        words in proptest::collection::vec((0..PRODUCER_PAGE / 8, any::<u64>(), any::<bool>()), 1..60),
    ) {
        let (consumer, rogue) = welcome_by_hand();
        rogue.welcome(mode);
        rogue.images(1, 3);
        let mut held = Vec::new();
        for (place, word, plausible) in words {
            // Half of them look like frames of the generation that is there.
            let word = if plausible { (word % 40) << 24 | 1 << 8 | (word >> 60) } else { word };
            let place = if plausible { [0, ORDER + (word >> 24) as usize % 32 * 8][place % 2] } else { place * 8 };
            rogue.page.write(place, &word.to_le_bytes()).unwrap();
            if let Ok(frame) = consumer.acquire(Timeout::NONE) {
                prop_assert_eq!(frame.surface().width(), 8);
                held.push(frame);
            }
            if held.len() > 10 {
                held.clear();
            }
        }
    }
}
