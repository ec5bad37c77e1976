//! Where the parts of an installation lie, and putting them there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, Result};

use super::build::{self, Build};
use super::description::{self, Names};
use crate::project::{LIBRARY, Project};

/// The folders of an installation, each absolute.
#[derive(Clone)]
pub(super) struct Layout {
    pub(super) prefix: PathBuf,
    pub(super) bindir: PathBuf,
    pub(super) libdir: PathBuf,
    pub(super) includedir: PathBuf,
    /// For the licences and the list of contents.
    pub(super) docdir: PathBuf,
    /// Whether the whole folder can be moved: then its descriptions name paths from their own places only.
    pub(super) relocatable: bool,
}

impl Layout {
    /// The usual folders below a prefix.
    pub(super) fn new(prefix: &Path) -> Layout {
        Layout {
            prefix: prefix.to_path_buf(),
            bindir: prefix.join("bin"),
            libdir: prefix.join("lib"),
            includedir: prefix.join("include"),
            docdir: prefix.join("share/doc").join(LIBRARY),
            relocatable: false,
        }
    }

    /// A folder that can be moved as a whole.
    pub(super) fn relocatable() -> Layout {
        Layout { relocatable: true, ..Layout::new(Path::new("/")) }
    }

    /// Puts everything into its place below `destdir`, which stands for the root of the system.
    pub(super) fn fill(&self, project: &Project, build: &Build, destdir: &Path) -> Result<()> {
        let place = |folder: &Path| below(destdir, folder);
        self.libraries(project, build, &place(&self.libdir))?;
        copy(&build.program, &place(&self.bindir).join(LIBRARY), 0o755)?;
        self.headers(project, &place(&self.includedir))?;
        let (file, soname) = (shared_file(&project.version), build::soname(&project.version));
        self.descriptions(project, &Names { file, soname, needs: &build.needs }, &place(&self.libdir))
    }

    fn libraries(&self, project: &Project, build: &Build, folder: &Path) -> Result<()> {
        copy(&build.archive, &folder.join(format!("lib{LIBRARY}.a")), 0o644)?;
        let (soname, file) = (build::soname(&project.version), shared_file(&project.version));
        copy(&build.shared, &folder.join(&file), 0o644)?;
        if soname != file {
            link(&file, &folder.join(&soname))?;
        }
        link(&soname, &folder.join(format!("lib{LIBRARY}{}", std::env::consts::DLL_SUFFIX)))
    }

    /// The header of each language that has one.
    pub(super) fn headers(&self, project: &Project, folder: &Path) -> Result<()> {
        for extension in ["h", "hpp"] {
            for header in project.files("include", extension)? {
                copy(&header, &folder.join(header.file_name().context("a header without a name")?), 0o644)?;
            }
        }
        Ok(())
    }

    /// What pkg-config and CMake read.
    pub(super) fn descriptions(&self, project: &Project, names: &Names, libdir: &Path) -> Result<()> {
        for (name, text) in description::all(project, self, names)? {
            write(&libdir.join(name), &text)?;
        }
        Ok(())
    }
}

/// The shared library's file.
fn shared_file(version: &str) -> String {
    if cfg!(target_os = "macos") {
        build::soname(version)
    } else {
        format!("lib{LIBRARY}.so.{}", version.split('+').next().unwrap_or_default())
    }
}

/// The same place below another root.
pub(super) fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.components().filter(|part| matches!(part, Component::Normal(_))).collect::<PathBuf>())
}

/// The path of `to` as seen from the folder `from`; both are absolute.
pub(super) fn relative(from: &Path, to: &Path) -> PathBuf {
    let (from, to): (Vec<_>, Vec<_>) = (from.components().collect(), to.components().collect());
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from[common..].iter().map(|_| Component::ParentDir);
    up.chain(to[common..].iter().copied()).collect()
}

/// Copies a file, making its folder.
pub(super) fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    make_folder_of(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))
        .with_context(|| format!("cannot set the mode of {}", to.display()))
}

/// Writes a text, making its folder.
pub(super) fn write(to: &Path, text: &str) -> Result<()> {
    make_folder_of(to)?;
    fs::write(to, text).with_context(|| format!("cannot write {}", to.display()))?;
    fs::set_permissions(to, fs::Permissions::from_mode(0o644))
        .with_context(|| format!("cannot set the mode of {}", to.display()))
}

/// Makes a link in the place of one that may be there.
pub(super) fn link(target: &str, link: &Path) -> Result<()> {
    make_folder_of(link)?;
    if link.is_symlink() {
        fs::remove_file(link).with_context(|| format!("cannot replace {}", link.display()))?;
    }
    symlink(target, link).with_context(|| format!("cannot make {}", link.display()))
}

fn make_folder_of(path: &Path) -> Result<()> {
    let folder = path.parent().context("a file without a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_goes_before_a_path() {
        assert_eq!(below(Path::new("/tmp/root"), Path::new("/usr/lib")), Path::new("/tmp/root/usr/lib"));
    }

    #[test]
    fn paths_from_one_folder_to_another() {
        let from = |from: &str, to: &str| relative(Path::new(from), Path::new(to));
        assert_eq!(from("/usr/lib", "/usr/include"), Path::new("../include"));
        assert_eq!(from("/usr/lib/x86_64-linux-gnu", "/usr/include"), Path::new("../../include"));
        assert_eq!(from("/lib", "/include"), Path::new("../include"));
    }
}
