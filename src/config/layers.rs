//! Which of the files has the say.

use std::path::Path;

use super::file::Settings;
use super::given::{Given, Source};
use super::project::Project;
use super::user::UserFile;

/// The settings of the files, the one that counts most first.
pub(super) struct Layers<'a>(Vec<(&'a Path, &'a Settings)>);

impl<'a> Layers<'a> {
    /// Those of the project file come before those of the user file.
    pub(super) fn of(project: &'a Project, user: &'a UserFile) -> Self {
        let files = [(&project.path, &project.settings), (&user.path, &user.settings)];
        Self(files.into_iter().filter_map(|(path, settings)| Some((path.as_deref()?, settings))).collect())
    }

    /// `key` as the first file has it that has it.
    pub(super) fn pick<T>(&self, key: &str, field: impl Fn(&Settings) -> Option<T>) -> Option<Given<T>> {
        self.0.iter().find_map(|(path, settings)| {
            Some(Given { value: field(settings)?, source: Source::file(path, key) })
        })
    }
}
