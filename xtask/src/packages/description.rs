//! What tells build systems where the library is: the files of pkg-config and of CMake, filled in from `packaging/`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use regex::Regex;

use super::layout::{Layout, relative};
use crate::project::{LIBRARY, Project};

/// The templates, and what becomes of them below the folder of the library.
const FILES: [(&str, &str); 3] = [
    ("packaging/surfaceport.pc.in", "pkgconfig/surfaceport.pc"),
    ("packaging/cmake/surfaceport-config.cmake.in", "cmake/surfaceport/surfaceport-config.cmake"),
    (
        "packaging/cmake/surfaceport-config-version.cmake.in",
        "cmake/surfaceport/surfaceport-config-version.cmake",
    ),
];

/// What the library is called, and what it needs.
pub(super) struct Names<'n> {
    /// The shared library's file.
    pub(super) file: String,
    /// The name by which programs ask for it.
    pub(super) soname: String,
    /// The linker's flags for what the static library needs.
    pub(super) needs: &'n [String],
}

/// All descriptions: where each lies below the folder of the library, and its text.
pub(super) fn all(project: &Project, layout: &Layout, names: &Names) -> Result<Vec<(PathBuf, String)>> {
    let library = project.metadata.packages.iter().find(|package| package.name == LIBRARY);
    let library = library.context("the workspace has no library")?;
    let include_from_lib = relative(&layout.libdir, &layout.includedir);
    // Programs find a library that lies in no folder of the system by the place that it was linked from.
    let (prefix, rpath) = if layout.relocatable {
        (
            format!(
                "${{pcfiledir}}/{}",
                relative(&layout.libdir.join("pkgconfig"), &layout.prefix).display()
            ),
            " -Wl,-rpath,${libdir}",
        )
    } else {
        (layout.prefix.display().to_string(), "")
    };
    let static_needs: Vec<&str> =
        names.needs.iter().map(|flag| flag.strip_prefix("-l").unwrap_or(flag)).collect();
    let values = [
        ("PREFIX", prefix),
        ("LIBDIR", in_prefix(layout, &layout.libdir)),
        ("INCLUDEDIR", in_prefix(layout, &layout.includedir)),
        ("RPATH", rpath.to_owned()),
        ("DESCRIPTION", library.description.clone().unwrap_or_default()),
        ("URL", library.repository.clone().unwrap_or_default()),
        ("VERSION", project.version.clone()),
        ("MAJOR", project.version.split('.').next().unwrap_or_default().to_owned()),
        ("LIBS_PRIVATE", names.needs.join(" ")),
        ("STATIC_NEEDS", static_needs.join(";")),
        ("INCLUDE_FROM_LIB", include_from_lib.display().to_string()),
        ("SHARED_FILE", names.file.clone()),
        ("SONAME", names.soname.clone()),
    ];
    FILES
        .iter()
        .map(|(template, file)| {
            let text = fill(&project.read(template)?, &values).with_context(|| (*template).to_owned())?;
            Ok((PathBuf::from(file), text))
        })
        .collect()
}

/// A path as pkg-config writes it: from the prefix, if it lies there.
fn in_prefix(layout: &Layout, path: &Path) -> String {
    match path.strip_prefix(&layout.prefix) {
        Ok(rest) => format!("${{prefix}}/{}", rest.display()),
        Err(_) => path.display().to_string(),
    }
}

/// Puts the values into a template.
fn fill(template: &str, values: &[(&str, String)]) -> Result<String> {
    let text = values
        .iter()
        .fold(template.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value));
    if let Some(left) = Regex::new("@[A-Z_]+@")?.find(&text) {
        bail!("nothing is known to put in the place of {}", left.as_str());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptions(layout: &Layout) -> Vec<String> {
        let project = Project::find(false).unwrap();
        let needs = ["-lc".to_owned(), "-lm".to_owned()];
        let (file, soname) = ("libsurfaceport.so.9.1".to_owned(), "libsurfaceport.so.9".to_owned());
        all(&project, layout, &Names { file, soname, needs: &needs })
            .unwrap()
            .into_iter()
            .map(|(_, text)| text)
            .collect()
    }

    #[test]
    fn a_system_has_its_paths_in_the_description() {
        let layout = Layout { libdir: "/usr/lib/x86_64-linux-gnu".into(), ..Layout::new(Path::new("/usr")) };
        let texts = descriptions(&layout);
        assert!(texts[0].contains("prefix=/usr\n"), "{}", texts[0]);
        assert!(texts[0].contains("libdir=${prefix}/lib/x86_64-linux-gnu\n"), "{}", texts[0]);
        assert!(texts[0].contains("Libs: -L${libdir} -lsurfaceport\n"), "{}", texts[0]);
        assert!(texts[1].contains("${_surfaceport_libdir}/../../include"), "{}", texts[1]);
        assert!(texts[1].contains("\"c;m\""), "{}", texts[1]);
    }

    #[test]
    fn a_folder_that_moves_has_no_path_of_a_system() {
        let texts = descriptions(&Layout::relocatable());
        assert!(texts[0].starts_with("prefix=${pcfiledir}/../..\n"), "{}", texts[0]);
        assert!(texts[0].contains("-Wl,-rpath,${libdir}"), "{}", texts[0]);
    }

    #[test]
    fn a_name_without_a_value_is_an_error() {
        assert!(fill("@KNOWN@ @OTHER@", &[("KNOWN", String::new())]).is_err());
    }
}
