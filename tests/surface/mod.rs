//! Surfaces and memory regions between real processes. The test program says of which backing.

use crate::BACKING;
use crate::process::{self, Peer};
use surfaceport::bootstrap::{check_in, look_up};
use surfaceport::message::Message;
use surfaceport::port::{ReceiveRight, SendRight};
use surfaceport::surface::{
    Backing, ColorSpace, LockMode, MAX_DIMENSION, PixelFormat, Purgeable, Surface, SurfaceDescriptor,
    live_surfaces,
};
use surfaceport::{Status, Timeout};

const SOON: Timeout = Timeout::from_nanoseconds(30_000_000_000);

// What the companion is told to do with the surface of a request; its answer is the payload of the reply.
const CHECK_PIXELS: u32 = 1;
const FILL: u32 = 2;
const BEGIN_USE: u32 = 3;
const END_USE: u32 = 4;
const IS_IN_USE: u32 = 5;
const PURGEABLE: u32 = 6;
const SET_VALUE: u32 = 7;
const VALUE: u32 = 8;
const COLOR_SPACE: u32 = 9;
const LIVE: u32 = 10;
const HOLD: u32 = 11;
const LET_GO: u32 = 12;

/// The byte of a row's place that both processes agree on.
fn expected(salt: u8, plane: usize, y: u32, x: usize) -> u8 {
    (x as u32).wrapping_mul(31).wrapping_add(y.wrapping_mul(7)).wrapping_add(plane as u32 * 101) as u8 ^ salt
}

fn row_of(salt: u8, plane: usize, y: u32, length: usize) -> Vec<u8> {
    (0..length).map(|x| expected(salt, plane, y, x)).collect()
}

fn fill(surface: &Surface, salt: u8) {
    let locked = surface.lock(LockMode::Write).unwrap();
    for index in 0..surface.layout().planes().len() {
        let plane = locked.plane(index).unwrap();
        for y in 0..plane.height() {
            plane.write_row(y, &row_of(salt, index, y, plane.row_bytes())).unwrap();
        }
    }
}

fn check(surface: &Surface, salt: u8) {
    let locked = surface.lock(LockMode::Read).unwrap();
    for index in 0..surface.layout().planes().len() {
        let plane = locked.plane(index).unwrap();
        let mut row = vec![0; plane.row_bytes()];
        for y in 0..plane.height() {
            plane.read_row(y, &mut row).unwrap();
            assert!(row == row_of(salt, index, y, row.len()), "{surface:?}: plane {index}, row {y}");
        }
    }
}

/// A surface's geometry, to be compared between two processes.
fn geometry(surface: &Surface) -> String {
    let (backing, layout) = (surface.backing(), surface.layout());
    format!("{} {backing:?} {layout:?} {:?}", surface.id(), surface.allocation_size())
}

/// Role: does what it is asked to with what it is sent.
pub(crate) fn work_on_surfaces(name: &str) {
    let inbox = ReceiveRight::new().unwrap();
    let mut hello = Message::new(0);
    hello.attach(inbox.make_send().unwrap()).unwrap();
    look_up(name, SOON).unwrap().send(hello, SOON).unwrap();
    let mut held: Vec<Surface> = Vec::new();
    loop {
        let mut request = match inbox.receive(SOON) {
            Ok(request) => request,
            Err(error) => return assert_eq!(error.status(), Status::NoSenders),
        };
        let reply = request.take_reply_right().unwrap();
        let answer = if request.id() == LIVE {
            let live = live_surfaces();
            format!("{} {} {:?}", live.count, live.bytes, live.ids)
        } else {
            let surface = request.take_surface(0).unwrap();
            let payload = request.payload().to_vec();
            match request.id() {
                CHECK_PIXELS => {
                    check(&surface, payload[0]);
                    geometry(&surface)
                }
                FILL => {
                    fill(&surface, payload[0]);
                    surface.seed().to_string()
                }
                BEGIN_USE => {
                    surface.increment_use_count().unwrap();
                    held.push(surface);
                    String::new()
                }
                END_USE => {
                    let mine = held.iter().position(|held| held.id() == surface.id()).unwrap();
                    held.swap_remove(mine).decrement_use_count().unwrap();
                    String::new()
                }
                IS_IN_USE => surface.is_in_use().to_string(),
                PURGEABLE => {
                    let state =
                        [Purgeable::NonVolatile, Purgeable::Volatile, Purgeable::Empty][payload[0] as usize];
                    let before = surface.set_purgeable(state).unwrap();
                    format!("{before:?}")
                }
                SET_VALUE => {
                    surface.set_value("from the companion", &payload).unwrap();
                    String::new()
                }
                VALUE => {
                    let names = surface.value_names().unwrap();
                    format!("{:?} {names:?}", surface.value("from the test").unwrap())
                }
                COLOR_SPACE => {
                    let before = surface.color_space().unwrap();
                    surface.set_color_space(Some(ColorSpace::Bt2100Pq)).unwrap();
                    format!("{before:?}")
                }
                HOLD => {
                    held.push(surface);
                    String::new()
                }
                LET_GO => {
                    held.retain(|held| held.id() != surface.id());
                    String::new()
                }
                other => panic!("request {other}"),
            }
        };
        reply.send(Message::with_payload(0, answer).unwrap(), SOON).map_err(|(_, error)| error).unwrap();
    }
}

/// A companion process and the way to it.
struct Companion {
    peer: Peer,
    to: SendRight,
}

impl Companion {
    fn start() -> Self {
        let name = process::unique_name("surfaces");
        let door = check_in(&name).unwrap();
        let peer = Peer::start("work on surfaces", &name);
        let to = door.receive(SOON).unwrap().take_send_right(0).unwrap();
        Self { peer, to }
    }

    fn ask(&self, what: u32, surface: &Surface, payload: &[u8]) -> String {
        let mut request = Message::with_payload(what, payload).unwrap();
        request.attach(surface.clone()).unwrap();
        self.send(request)
    }

    fn send(&self, request: Message) -> String {
        let answer = self.to.request(request, SOON).unwrap();
        String::from_utf8(answer.payload().to_vec()).unwrap()
    }

    fn ends_well(self) {
        drop(self.to);
        assert!(self.peer.wait().success());
    }
}

fn surface(width: u32, height: u32, format: PixelFormat) -> Surface {
    let made = Surface::create_with(&SurfaceDescriptor::new(width, height, format), BACKING).unwrap();
    let expected = if cfg!(target_os = "linux") { Backing::Native } else { BACKING };
    assert_eq!(made.backing(), expected);
    made
}

#[test]
fn every_format_arrives_byte_by_byte_and_plane_by_plane() {
    let _alone = process::alone();
    let companion = Companion::start();
    for &format in PixelFormat::ALL {
        for (width, height) in [(1, 1), (2, 3), (67, 35), (320, 180)] {
            let made = surface(width, height, format);
            fill(&made, 0x5a);
            assert_eq!(companion.ask(CHECK_PIXELS, &made, &[0x5a]), geometry(&made));
            // And back: what the other process draws is here.
            companion.ask(FILL, &made, &[0xc3]);
            check(&made, 0xc3);
        }
    }
    companion.ends_well();
}

#[test]
fn planes_and_rows_do_not_overlap() {
    let _alone = process::alone();
    for &format in PixelFormat::ALL {
        let made = surface(33, 17, format);
        // Each row is written once; a row that another one had overwritten would differ.
        fill(&made, 1);
        check(&made, 1);
        let locked = made.lock(LockMode::Write).unwrap();
        let planes = made.layout().planes().len();
        assert_eq!(locked.plane(planes).unwrap_err().status(), Status::InvalidArgument);
        let plane = locked.plane(planes - 1).unwrap();
        let too_long = vec![0; plane.row_bytes() + 1];
        assert_eq!(plane.write_row(0, &too_long).unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(plane.write_row(plane.height(), &[0]).unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(plane.read_row(u32::MAX, &mut [0]).unwrap_err().status(), Status::InvalidArgument);
    }
}

#[test]
fn the_seed_moves_in_all_processes() {
    let _alone = process::alone();
    let companion = Companion::start();
    let made = surface(16, 16, PixelFormat::Bgra8);
    let first = made.seed();
    assert_eq!(companion.ask(FILL, &made, &[1]), first.wrapping_add(1).to_string());
    assert_eq!(made.seed(), first.wrapping_add(1));
    drop(made.lock(LockMode::Write).unwrap());
    assert_eq!(made.seed(), first.wrapping_add(2));
    drop(made.lock(LockMode::Read).unwrap());
    companion.ask(CHECK_PIXELS, &made, &[1]);
    assert_eq!(made.seed(), first.wrapping_add(2), "reading moves nothing");
    assert_eq!(made.end_lock(LockMode::Write, false).unwrap_err().status(), Status::WrongState);
    let locked = made.lock(LockMode::Read).unwrap();
    assert_eq!(locked.plane(0).unwrap().write_row(0, &[1]).unwrap_err().status(), Status::PermissionDenied);
    drop(locked);
    companion.ends_well();
}

#[test]
fn uses_count_across_processes_and_end_with_theirs() {
    let _alone = process::alone();
    let mut companions: Vec<Companion> = (0..2).map(|_| Companion::start()).collect();
    let made = surface(16, 16, PixelFormat::R8);
    assert!(!made.is_in_use());
    companions[0].ask(BEGIN_USE, &made, &[]);
    assert!(made.is_in_use());
    assert_eq!(companions[1].ask(IS_IN_USE, &made, &[]), "true");
    assert_eq!(made.use_count(), 0, "it is the companion's use");
    companions[0].ask(END_USE, &made, &[]);
    assert!(!made.is_in_use());
    assert_eq!(made.decrement_use_count().unwrap_err().status(), Status::WrongState);

    made.increment_use_count().unwrap();
    made.increment_use_count().unwrap();
    assert_eq!(made.use_count(), 2);
    made.decrement_use_count().unwrap();
    assert_eq!(companions[1].ask(IS_IN_USE, &made, &[]), "true");
    made.decrement_use_count().unwrap();
    assert_eq!(companions[1].ask(IS_IN_USE, &made, &[]), "false");

    // A clone that is dropped with the rest ends what it began.
    companions[0].ask(BEGIN_USE, &made, &[]);
    companions[0].peer.kill();
    assert!(!made.is_in_use(), "a killed process uses nothing");
    assert_eq!(companions[1].ask(IS_IN_USE, &made, &[]), "false");
    // Its place can be taken: more processes one after the other than there are places at a time.
    for _ in 0..70 {
        companions[1].ask(BEGIN_USE, &made, &[]);
        companions[1].ask(END_USE, &made, &[]);
    }
    companions[1].ask(BEGIN_USE, &made, &[]);
    companions.pop().unwrap().ends_well();
    assert!(!made.is_in_use(), "nor does one that has ended");
}

#[test]
fn purgeable_states_are_seen_by_all_and_empty_is_empty() {
    let _alone = process::alone();
    let companion = Companion::start();
    let made = surface(64, 64, PixelFormat::Bgra8);
    made.set_value("name", b"stays").unwrap();
    fill(&made, 9);
    assert_eq!(made.purgeable().unwrap(), Purgeable::NonVolatile);
    assert_eq!(companion.ask(PURGEABLE, &made, &[1]), "NonVolatile");
    assert_eq!(made.purgeable().unwrap(), Purgeable::Volatile);
    check(&made, 9);
    assert_eq!(companion.ask(PURGEABLE, &made, &[2]), "Volatile");
    assert_eq!(made.set_purgeable(Purgeable::NonVolatile).unwrap(), Purgeable::Empty);
    let mut row = [1; 256];
    made.lock(LockMode::Read).unwrap().plane(0).unwrap().read_row(63, &mut row).unwrap();
    assert_eq!(row, [0; 256]);
    assert_eq!(made.value("name").unwrap().as_deref(), Some(&b"stays"[..]), "only the pixels are gone");
    fill(&made, 7);
    companion.ask(CHECK_PIXELS, &made, &[7]);
    companion.ends_well();
}

#[test]
fn values_and_the_colour_space_are_seen_by_all() {
    let _alone = process::alone();
    let companion = Companion::start();
    let made = surface(4, 4, PixelFormat::Bgra8);
    assert_eq!(companion.ask(VALUE, &made, &[]), "None []");
    made.set_value("from the test", &[1, 2, 3]).unwrap();
    assert_eq!(companion.ask(VALUE, &made, &[]), r#"Some([1, 2, 3]) ["from the test"]"#);
    companion.ask(SET_VALUE, &made, b"hello");
    assert_eq!(made.value("from the companion").unwrap().as_deref(), Some(&b"hello"[..]));
    assert_eq!(made.value_names().unwrap(), ["from the companion", "from the test"]);
    made.remove_value("from the test").unwrap();
    made.remove_value("from the test").unwrap();
    assert_eq!(companion.ask(VALUE, &made, &[]), r#"None ["from the companion"]"#);

    assert_eq!(made.color_space().unwrap(), None);
    made.set_color_space(Some(ColorSpace::DisplayP3)).unwrap();
    assert_eq!(companion.ask(COLOR_SPACE, &made, &[]), "Some(DisplayP3)");
    assert_eq!(made.color_space().unwrap(), Some(ColorSpace::Bt2100Pq));
    made.set_color_space(None).unwrap();
    assert_eq!(made.color_space().unwrap(), None);
    made.set_value("IOSurfaceColorSpace", b"something new").unwrap();
    assert_eq!(made.color_space().unwrap(), None, "a name that is not known here");

    // Limits, each of which leaves what was there.
    let long = "n".repeat(256);
    for name in ["", &long] {
        assert_eq!(made.set_value(name, b"").unwrap_err().status(), Status::InvalidArgument);
        assert_eq!(made.value(name).unwrap_err().status(), Status::InvalidArgument);
    }
    made.set_value(&long[..255], b"").unwrap();
    assert_eq!(made.value(&long[..255]).unwrap().as_deref(), Some(&b""[..]));
    for size in [28 << 10, (28 << 10) + 1, 1 << 20] {
        assert_eq!(made.set_value("big", &vec![1; size]).unwrap_err().status(), Status::TooLarge);
    }
    made.set_value("big", &vec![7; 27 << 10]).unwrap();
    assert_eq!(made.set_value("more", &vec![7; 2 << 10]).unwrap_err().status(), Status::TooLarge);
    assert_eq!(made.value("big").unwrap(), Some(vec![7; 27 << 10]));
    assert_eq!(made.value("from the companion").unwrap().as_deref(), Some(&b"hello"[..]));
    companion.ends_well();
}

/// A value of many bytes of which each follows from the first, so that no mixture of two is one.
fn whole_value(number: u8) -> Vec<u8> {
    (0..4000_u32).map(|i| number ^ (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn assert_whole(value: &[u8]) {
    assert!(value == whole_value(value[0]), "a mixture of two values");
}

/// Tries again when the other writer, stopped by the system in the middle, kept a write waiting for too long.
fn set_patiently(surface: &Surface, name: &str, value: &[u8]) {
    loop {
        match surface.set_value(name, value) {
            Ok(()) => return,
            Err(error) => assert_eq!(error.status(), Status::TimedOut),
        }
    }
}

/// Role: writes values into the surface that it is sent, until it is told to end or is killed.
pub(crate) fn write_values(name: &str) {
    let inbox = ReceiveRight::new().unwrap();
    let mut hello = Message::new(0);
    hello.attach(inbox.make_send().unwrap()).unwrap();
    look_up(name, SOON).unwrap().send(hello, SOON).unwrap();
    let mut start = inbox.receive(SOON).unwrap();
    let surface = start.take_surface(0).unwrap();
    let mut started = start.take_reply_right();
    let mut number = 0_u8;
    loop {
        match inbox.receive(Timeout::NONE) {
            Err(error) if error.status() == Status::TimedOut => {}
            _ => return,
        }
        number = number.wrapping_add(1);
        set_patiently(&surface, "theirs", &whole_value(number));
        if let Some(started) = started.take() {
            started.send(Message::new(0), SOON).map_err(|(_, error)| error).unwrap();
        }
    }
}

fn start_writer(surface: &Surface) -> Companion {
    let name = process::unique_name("values");
    let door = check_in(&name).unwrap();
    let peer = Peer::start("write values", &name);
    let to = door.receive(SOON).unwrap().take_send_right(0).unwrap();
    let mut start = Message::new(1);
    start.attach(surface.clone()).unwrap();
    to.request(start, SOON).unwrap();
    Companion { peer, to }
}

#[test]
fn two_processes_that_write_values_at_once_lose_none() {
    let _alone = process::alone();
    let made = surface(4, 4, PixelFormat::R8);
    made.set_value("theirs", &whole_value(0)).unwrap();
    let writer = start_writer(&made);
    for round in 0..400_u32 {
        set_patiently(&made, "ours", &whole_value(round as u8));
        // Writing one value rewrites all: the other's must neither be lost nor torn.
        let ours = made.value("ours").unwrap().expect("our value is there");
        assert!(ours == whole_value(round as u8));
        assert_whole(&made.value("theirs").unwrap().expect("their value is there"));
    }
    writer.ends_well();
}

#[test]
fn a_writer_killed_at_any_moment_leaves_the_old_value_or_the_new_one() {
    let _alone = process::alone();
    let made = surface(4, 4, PixelFormat::R8);
    made.set_value("kept", b"by all").unwrap();
    for round in 0..60_u32 {
        let mut writer = start_writer(&made);
        // A moment that differs from round to round, as the machine will have it.
        for _ in 0..round * 200 {
            std::hint::spin_loop();
        }
        writer.peer.kill();
        let theirs = made.value("theirs").unwrap().expect("a value");
        assert_whole(&theirs);
        // The dead writer keeps nobody from writing.
        made.set_value("ours", &whole_value(round as u8)).unwrap();
        assert!(made.value("ours").unwrap().unwrap() == whole_value(round as u8));
        assert!(made.value("theirs").unwrap().unwrap() == theirs);
        assert_eq!(made.value("kept").unwrap().as_deref(), Some(&b"by all"[..]));
    }
}

#[test]
fn the_account_of_live_surfaces_is_exact() {
    let _alone = process::alone();
    assert_eq!(live_surfaces().count, 0, "no other test has one now");
    let companion = Companion::start();
    let of_helper = || companion.send(Message::new(LIVE));
    assert_eq!(of_helper(), "0 0 []");
    let (first, second) = (surface(10, 10, PixelFormat::R8), surface(100, 100, PixelFormat::Rgba16F));
    let live = live_surfaces();
    let mut ids = vec![first.id(), second.id()];
    ids.sort_unstable();
    assert_eq!((live.count, live.ids), (2, ids));
    assert_eq!(live.bytes, (first.allocation_size() + second.allocation_size()) as u64);
    let clone = first.clone();
    assert_eq!(live_surfaces().count, 2, "a clone is the same surface");

    companion.ask(HOLD, &first, &[]);
    assert_eq!(of_helper(), format!("1 {} [{}]", first.allocation_size(), first.id()));
    let id = first.id();
    drop((first, clone));
    assert_eq!(live_surfaces().ids, [second.id()]);
    assert_eq!(of_helper(), format!("1 {} [{id}]", surface(10, 10, PixelFormat::R8).allocation_size()));

    // What is in a queue is not live at the receiver yet, and goes with the queue.
    let port = ReceiveRight::new().unwrap();
    let send = port.make_send().unwrap();
    let mut message = Message::new(1);
    message.attach(second.clone()).unwrap();
    assert_eq!(live_surfaces().count, 1);
    send.send(message, SOON).unwrap();
    assert_eq!(live_surfaces().count, 1);
    let arrived = port.receive(SOON).unwrap();
    assert_eq!(live_surfaces().ids, [second.id(), second.id()], "one that arrived counts again");
    drop(arrived);
    assert_eq!(live_surfaces().count, 1);
    drop(second);
    assert_eq!(live_surfaces(), Default::default());
    companion.ends_well();
}

#[test]
fn surfaces_leave_nothing() {
    // The first one has the system open what it keeps for all.
    fill(&surface(4, 4, PixelFormat::R8), 1);
    process::leaving_nothing(|| {
        let port = ReceiveRight::new().unwrap();
        let send = port.make_send().unwrap();
        for n in 0..50 {
            let made = surface(64, 64, PixelFormat::ALL[n % PixelFormat::ALL.len()]);
            made.increment_use_count().unwrap();
            let mut message = Message::new(1);
            message.attach(made.clone()).unwrap();
            message.attach(made).unwrap();
            send.send(message, SOON).unwrap();
            let mut arrived = port.receive(SOON).unwrap();
            let other = arrived.take_surface(n % 2).unwrap();
            other.increment_use_count().unwrap();
        }
        // And some that nobody receives.
        for _ in 0..20 {
            let mut message = Message::new(1);
            message.attach(surface(64, 64, PixelFormat::P010)).unwrap();
            send.send(message, SOON).unwrap();
        }
    });
    assert_eq!(live_surfaces().count, 0);
}

#[test]
fn absurd_sizes_are_refused() {
    let _alone = process::alone();
    for (width, height) in [
        (0, 1),
        (1, 0),
        (0, 0),
        (MAX_DIMENSION + 1, 1),
        (1, MAX_DIMENSION + 1),
        (1 << 31, 1 << 31),
        (u32::MAX, u32::MAX),
        (u32::MAX, 1),
    ] {
        for &format in PixelFormat::ALL {
            let descriptor = SurfaceDescriptor::new(width, height, format);
            let error = Surface::create_with(&descriptor, BACKING).unwrap_err();
            assert_eq!(error.status(), Status::InvalidArgument);
            assert!(error.message().contains("16384"), "{error}");
        }
    }
    // The largest there are; their pages come when they are touched.
    for &format in PixelFormat::ALL {
        let made = surface(MAX_DIMENSION, MAX_DIMENSION, format);
        let locked = made.lock(LockMode::Write).unwrap();
        let last = locked.plane(made.layout().planes().len() - 1).unwrap();
        let end = vec![0xee; last.row_bytes()];
        last.write_row(last.height() - 1, &end).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_dma_buf_is_there_or_said_to_be_missing() {
    let _alone = process::alone();
    let made = surface(64, 64, PixelFormat::Bgra8);
    let openable = std::fs::File::options().read(true).write(true).open("/dev/udmabuf").is_ok();
    match made.export_dma_buf() {
        Ok(_) => assert!(openable),
        Err(error) if !openable => {
            assert_eq!(error.status(), Status::Unsupported);
            assert!(error.message().contains("/dev/udmabuf"), "{error}");
        }
        Err(error) => panic!("{error}"),
    }
}
