//! Where the child takes its frames from: the scene that it draws or a video that it reads.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use crate::command::{Child, is_standard_stream};
use crate::failure::{Failure, Result};
use crate::picture::{self, Layout, PlanesMut};
use crate::rate::Rate;
use crate::scene::Scene;
use crate::y4m::{Fault, Reader};

/// The rate of the scene.
pub(crate) const SCENE_RATE: Rate = Rate::whole(60);
/// The rate of a video that does not say.
const VIDEO_RATE: Rate = Rate::whole(25);

/// A maker of frames.
pub(crate) enum Source {
    /// The scene; the number of the frame that is drawn.
    Scene(Box<Scene>, Layout, u64),
    /// A video.
    Video(Video),
}

/// A video that is read.
pub(crate) struct Video {
    name: String,
    reader: Reader<Box<dyn Read>>,
    /// The frame that was read last: its samples and its own tags.
    samples: Vec<u8>,
    tags: Vec<u8>,
}

impl Source {
    /// Opens what `task` names.
    pub(crate) fn open(task: &Child) -> Result<Source> {
        if let Some(path) = &task.input {
            return Video::open(path).map(Source::Video);
        }
        let (width, height) = (task.size.width, task.size.height);
        let scene = Scene::new(width, height, task.fps.unwrap_or(SCENE_RATE)).ok_or_else(|| {
            Failure::new(
                format!("cannot draw a scene of {width} × {height}"),
                "there is not enough memory",
                "give a smaller --size",
            )
        })?;
        Ok(Source::Scene(Box::new(scene), Layout::bgra(width, height), 0))
    }

    /// Size and form of the frames.
    pub(crate) fn layout(&self) -> Layout {
        match self {
            Source::Scene(_, layout, _) => *layout,
            Source::Video(video) => video.reader.header().layout(),
        }
    }

    /// Whether samples use all of 0 to 255.
    pub(crate) fn full_range(&self) -> bool {
        match self {
            Source::Scene(..) => true,
            Source::Video(video) => video.reader.header().full_range,
        }
    }

    /// Frames per second by itself.
    pub(crate) fn rate(&self) -> Rate {
        match self {
            Source::Scene(..) => SCENE_RATE,
            Source::Video(video) => video.reader.header().rate.unwrap_or(VIDEO_RATE),
        }
    }

    /// The tags of the video's header.
    pub(crate) fn tags(&self) -> Option<&[u8]> {
        match self {
            Source::Scene(..) => None,
            Source::Video(video) => Some(video.reader.header().tags()),
        }
    }

    /// Makes the next frame ready; false at the end.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        match self {
            Source::Scene(scene, _, number) => {
                *number += 1;
                scene.draw(*number);
                Ok(true)
            }
            Source::Video(video) => video.advance(),
        }
    }

    /// Writes the frame that is ready into `planes`.
    pub(crate) fn write(&self, planes: &mut dyn PlanesMut) -> Result<()> {
        match self {
            Source::Scene(scene, layout, _) => picture::write_rgba(layout, scene.pixels(), planes),
            Source::Video(video) => picture::pack(&video.reader.header().layout(), &video.samples, planes),
        }
    }

    /// The tags of the frame that is ready.
    pub(crate) fn frame_tags(&self) -> &[u8] {
        match self {
            Source::Scene(..) => &[],
            Source::Video(video) => &video.tags,
        }
    }
}

impl Video {
    fn open(path: &Path) -> Result<Video> {
        let (name, bytes): (String, Box<dyn Read>) = if is_standard_stream(path) {
            ("standard input".into(), Box::new(io::stdin()))
        } else {
            let name = format!("'{}'", path.display());
            let file = File::open(path).and_then(|file| {
                if file.metadata()?.is_dir() { Err(io::ErrorKind::IsADirectory.into()) } else { Ok(file) }
            });
            let file = file.map_err(|error| {
                Failure::new(
                    format!("cannot open {name}"),
                    error,
                    "give --input a YUV4MPEG2 file, or - for standard input",
                )
            })?;
            (name, Box::new(file))
        };
        let reader = Reader::open(bytes).map_err(|fault| {
            Failure::new(
                format!("cannot play {name}"),
                fault,
                "give YUV4MPEG2 with 8 bits, as ffmpeg -i FILE -pix_fmt yuv420p -f yuv4mpegpipe - writes it",
            )
        })?;
        Ok(Video { name, reader, samples: Vec::new(), tags: Vec::new() })
    }

    fn advance(&mut self) -> Result<bool> {
        match self.reader.read(&mut self.samples) {
            Ok(Some(tags)) => {
                self.tags = tags;
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(fault) => Err(self.damaged(fault)),
        }
    }

    fn damaged(&self, fault: Fault) -> Failure {
        Failure::new(
            format!("cannot play {} to its end", self.name),
            fault,
            "the frames before it are kept; get the stream again to have the rest",
        )
    }
}
