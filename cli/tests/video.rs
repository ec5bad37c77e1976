//! Video through the swapchain, from outside: every sample comes out as it went in, and damage is told.

#[allow(dead_code)]
mod program;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use program::{Folder, ended_with, figures, is_there, png, run, skip, stream, surfaceport, the_line};

/// Header tags, bytes of a frame, and the surfaces' format.
const KINDS: [(&str, usize, &str); 10] = [
    ("W64 H48 F25:1 Ip A1:1 C420jpeg XYSCSS=420JPEG", 64 * 48 * 3 / 2, "y420"),
    ("W64 H48 F30000:1001 C420mpeg2 XCOLORRANGE=LIMITED", 64 * 48 * 3 / 2, "y420"),
    ("W64 H48 F25:1 C420paldv", 64 * 48 * 3 / 2, "y420"),
    ("W64 H48", 64 * 48 * 3 / 2, "y420"),
    ("W65 H47 F0:0 C420", 65 * 47 + 2 * 33 * 24, "y420"),
    ("W65 H47 F25:1 C420jpeg XCOLORRANGE=FULL", 65 * 47 + 2 * 33 * 24, "420f"),
    ("H47 W65 F25:1 C422 It", 65 * 47 + 2 * 33 * 47, "422v"),
    ("W65 H47 F25:1 C422 XCOLORRANGE=FULL", 65 * 47 + 2 * 33 * 47, "422f"),
    ("W1 H1 F25:1 C444", 3, "444v"),
    ("W65 H47 F25:1 C444 XCOLORRANGE=FULL Xanything", 65 * 47 * 3, "444f"),
];

#[test]
fn what_is_recorded_is_what_was_played_byte_by_byte() {
    let folder = Folder::new();
    for (tags, frame_bytes, format) in KINDS {
        let bytes = stream(tags, frame_bytes, 7);
        fs::write(folder.path("in.y4m"), &bytes).unwrap();
        let (input, record) = (folder.text("in.y4m"), folder.text("out.y4m"));
        let output = run(&["demo", "--input", &input, "--record", &record, "--json"]);
        ended_with(&output, 0);
        assert!(fs::read(folder.path("out.y4m")).unwrap() == bytes, "{tags}");
        let figures = figures(&output);
        assert_eq!((&figures["presented"], &figures["shown"]), (&7.into(), &7.into()), "{tags}");
        assert_eq!(figures["format"], format, "{tags}");
        assert_eq!(figures["mode"], "fifo");
        assert_eq!(figures["bytes_copied"], 0, "{tags}");
    }
}

#[test]
fn frames_keep_their_own_tags() {
    let folder = Folder::new();
    let mut bytes = stream("W2 H2 F25:1 Im C444", 12, 1);
    bytes.extend_from_slice(b"FRAME I1pp XA\n0123456789ab");
    let tags = "x".repeat(63);
    bytes.extend_from_slice(format!("FRAME {tags}\n0123456789ab").as_bytes());
    fs::write(folder.path("in.y4m"), &bytes).unwrap();
    let output = run(&["demo", "--input", &folder.text("in.y4m"), "--record", &folder.text("out.y4m")]);
    ended_with(&output, 0);
    assert_eq!(fs::read(folder.path("out.y4m")).unwrap(), bytes);
}

#[test]
fn a_pipe_is_played_too() {
    let folder = Folder::new();
    let bytes = stream("W64 H48 F100:1 C422", 64 * 48 * 2, 20);
    let mut host = surfaceport(&["demo", "--input", "-", "--record", &folder.text("out.y4m")])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = host.stdin.take().unwrap();
    pipe.write_all(&bytes).unwrap();
    drop(pipe);
    assert!(host.wait().unwrap().success());
    assert!(fs::read(folder.path("out.y4m")).unwrap() == bytes);
}

#[test]
fn a_video_is_played_at_its_own_rate_and_may_be_cut_short() {
    let folder = Folder::new();
    fs::write(folder.path("in.y4m"), stream("W16 H16 F20:1", 384, 40)).unwrap();
    let input = folder.text("in.y4m");
    let start = std::time::Instant::now();
    let output = run(&["demo", "--input", &input, "--seconds", "0.5", "--mode", "fifo", "--json"]);
    ended_with(&output, 0);
    let shown = figures(&output)["shown"].as_u64().unwrap();
    // A machine that is busy with other things may get fewer into that time.
    assert!((1..=10).contains(&shown), "{shown}");
    assert!(start.elapsed().as_secs_f64() > 0.4, "{:?}", start.elapsed());
    let output = run(&["demo", "--input", &input, "--fps", "400", "--mode", "fifo", "--json"]);
    ended_with(&output, 0);
    assert_eq!(figures(&output)["shown"], 40);
}

#[test]
fn the_last_frame_of_a_video_is_saved_in_its_colours() {
    let folder = Folder::new();
    let mut bytes = b"YUV4MPEG2 W4 H4 F25:1 C444\nFRAME\n".to_vec();
    // Red, by BT.601 in video range.
    for sample in [81, 90, 240] {
        bytes.extend_from_slice(&[sample; 16]);
    }
    fs::write(folder.path("in.y4m"), &bytes).unwrap();
    let output = run(&["demo", "--input", &folder.text("in.y4m"), "--save", &folder.text("out.png")]);
    ended_with(&output, 0);
    let (width, height, pixels) = png(&folder.path("out.png"));
    assert_eq!((width, height), (4, 4));
    for pixel in pixels.chunks_exact(4) {
        assert!(pixel[0] >= 253 && pixel[1] <= 2 && pixel[2] <= 2 && pixel[3] == 255, "{pixel:?}");
    }
}

#[test]
fn a_cut_stream_keeps_its_whole_frames_and_the_cut_is_named() {
    let folder = Folder::new();
    let frame_bytes = 64 * 48 * 3 / 2;
    let whole = stream("W64 H48 F25:1 C420jpeg", frame_bytes, 6);
    let header = stream("W64 H48 F25:1 C420jpeg", frame_bytes, 0).len();
    let step = frame_bytes + 6;
    // In the samples of frame 5, in the FRAME of frame 3, in the first frame.
    for (cut, frames) in [(header + 4 * step + 1000, 4), (header + 2 * step + 3, 2), (header + 10, 0)] {
        fs::write(folder.path("in.y4m"), &whole[..cut]).unwrap();
        let record = folder.text("out.y4m");
        let output = run(&["demo", "--input", &folder.text("in.y4m"), "--record", &record, "--json"]);
        ended_with(&output, 1);
        let line = the_line(&output);
        assert!(line.contains(&format!("at byte {cut}")), "{line}");
        assert_eq!(figures(&output)["shown"], frames);
        let kept = &whole[..header + frames * step];
        assert!(fs::read(folder.path("out.y4m")).unwrap() == kept, "cut at {cut}");
    }
}

#[test]
fn garbage_in_a_stream_is_named_and_what_came_before_is_kept() {
    let folder = Folder::new();
    let good = stream("W16 H16 F25:1 C444", 768, 3);
    let mut bytes = good.clone();
    bytes.extend_from_slice(&[0xA5; 3000]);
    fs::write(folder.path("in.y4m"), &bytes).unwrap();
    let output = run(&["demo", "--input", &folder.text("in.y4m"), "--record", &folder.text("out.y4m")]);
    ended_with(&output, 1);
    let line = the_line(&output);
    assert!(line.contains(&format!("at byte {}", good.len())) && line.contains("frame 4"), "{line}");
    assert!(fs::read(folder.path("out.y4m")).unwrap() == good);
}

#[test]
fn what_cannot_be_played_is_refused_in_one_line() {
    let folder = Folder::new();
    for (bytes, word) in [
        (&b""[..], "empty"),
        (b"\x89PNG\r\n\x1a\n0000", "YUV4MPEG2"),
        (b"YUV4MPEG2 W16 H16 F25:1 C420p10\nFRAME\n", "'420p10'"),
        (b"YUV4MPEG2 W16 H16 F25:1 C411\nFRAME\n", "'411'"),
        (b"YUV4MPEG2 W16 H16 F25:1 Cmono\nFRAME\n", "'mono'"),
        (b"YUV4MPEG2 W16 H16 F25:1 C444alpha\nFRAME\n", "'444alpha'"),
        (b"YUV4MPEG2 W16 H99999 F25:1\nFRAME\n", "'99999'"),
        (b"YUV4MPEG2 W16\x1b[31m H16\nFRAME\n", "'16\\x1b[31m'"),
        (b"YUV4MPEG2 W16384 H16384 C444\nFRAME\nabc", "after 3 of its"),
        (b"YUV4MPEG2 W16 H16", "in its header"),
    ] {
        fs::write(folder.path("in.y4m"), bytes).unwrap();
        let output = run(&["demo", "--input", &folder.text("in.y4m")]);
        ended_with(&output, 1);
        let line = the_line(&output);
        assert!(line.contains(word) && line.contains("at byte "), "{word}: {line}");
    }
    for path in ["/nowhere/at/all.y4m", "/"] {
        let output = run(&["demo", "--input", path]);
        ended_with(&output, 1);
        assert!(the_line(&output).contains("cannot open"), "{}", the_line(&output));
    }
}

#[test]
fn a_stream_without_frames_is_a_stream() {
    let folder = Folder::new();
    fs::write(folder.path("in.y4m"), b"YUV4MPEG2 W16 H16 F25:1\n").unwrap();
    let (input, record) = (folder.text("in.y4m"), folder.text("out.y4m"));
    let output = run(&["demo", "--input", &input, "--record", &record, "--json"]);
    ended_with(&output, 0);
    assert_eq!(figures(&output)["presented"], 0);
    assert_eq!(fs::read(folder.path("out.y4m")).unwrap(), b"YUV4MPEG2 W16 H16 F25:1\n");
    let output = run(&["demo", "--input", &input, "--save", &folder.text("out.png")]);
    ended_with(&output, 1);
    assert!(the_line(&output).contains("there was none"));
}

#[test]
fn input_and_record_cannot_be_one_file() {
    let folder = Folder::new();
    let bytes = stream("W16 H16", 384, 1);
    fs::write(folder.path("in.y4m"), &bytes).unwrap();
    fs::hard_link(folder.path("in.y4m"), folder.path("same.y4m")).unwrap();
    for option in ["--record", "--save"] {
        let output = run(&["demo", "--input", &folder.text("in.y4m"), option, &folder.text("same.y4m")]);
        ended_with(&output, 2);
        assert!(the_line(&output).contains("same file"));
    }
    assert_eq!(fs::read(folder.path("in.y4m")).unwrap(), bytes);
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_in_one_line() {
    let output = run(&["demo", "--size", "640x480", "--seconds", "0.2", "--record", "/dev/full"]);
    ended_with(&output, 1);
    assert!(the_line(&output).contains("cannot record to '/dev/full'"));
}

#[test]
fn the_scene_is_recorded_with_every_frame() {
    let folder = Folder::new();
    let output =
        run(&["demo", "--size", "50x31", "--seconds", "0.5", "--record", &folder.text("out.y4m"), "--json"]);
    ended_with(&output, 0);
    assert_eq!(figures(&output)["shown"], 30);
    let bytes = fs::read(folder.path("out.y4m")).unwrap();
    assert!(bytes.starts_with(b"YUV4MPEG2 W50 H31 F60:1 "));
    let header = bytes.iter().position(|&b| b == b'\n').unwrap() + 1;
    assert_eq!(bytes.len() - header, 30 * (6 + 50 * 31 * 3));
}

/// Hashes of all frames, as ffmpeg computes them.
fn frame_hashes(input: &[&str]) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error"])
        .args(input)
        .args(["-f", "framemd5", "-"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let hash = |line: &str| line.rsplit(',').next().map(|hash| hash.trim().to_owned());
    text.lines().filter(|line| !line.starts_with('#')).filter_map(hash).collect()
}

#[test]
fn real_video_is_recorded_bit_by_bit() {
    const NAME: &str = "real_video_is_recorded_bit_by_bit";
    if !is_there("ffmpeg") {
        return skip(NAME, "ffmpeg is not installed; install Debian's package ffmpeg");
    }
    let folder = Folder::new();
    for format in ["yuv420p", "yuv422p", "yuv444p"] {
        let film = folder.text(&format!("{format}.mkv"));
        let made = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25:duration=10"])
            .args(["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", format, &film])
            .stdin(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let mut decoder = Command::new("ffmpeg")
            .args(["-v", "error", "-i", &film, "-f", "yuv4mpegpipe", "-"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let record = folder.text("out.y4m");
        let output = surfaceport(&["demo", "--input", "-", "--mode", "fifo", "--record", &record, "--json"])
            .stdin(decoder.stdout.take().unwrap())
            .output()
            .unwrap();
        assert!(decoder.wait().unwrap().success());
        ended_with(&output, 0);
        let figures = figures(&output);
        assert_eq!(figures["shown"], 250, "{figures}");
        assert_eq!(figures["bytes_copied"], 0, "{figures}");
        let (before, after) = (frame_hashes(&["-i", &film]), frame_hashes(&["-i", &record]));
        assert_eq!(before.len(), 250);
        assert!(before == after, "{format}: the frames differ");
        fs::remove_file(record).unwrap();
    }
}
