//! What a command that could not do its work says, and its exit code.

use std::fmt;

/// What was compared is not the same.
pub const EXIT_DIFFERENT: u8 = 1;
/// A check did its work and found something: exit code 1.
pub const EXIT_WARNED: u8 = 1;
/// Something was wrong with the request, a file or the machine: exit code 2.
pub const EXIT_WRONG: u8 = 2;
/// Stopped by the user: 128 + SIGINT, as shells report it.
pub const EXIT_INTERRUPTED: u8 = 130;

/// Why a command could not do its work, in one sentence, with what may help.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    reader_is_gone: bool,
}

impl Failure {
    /// A failure with its sentence.
    pub fn new(message: impl fmt::Display) -> Self {
        Failure { message: message.to_string(), hint: None, reader_is_gone: false }
    }

    /// Whether nobody reads the output any more, which is no failure of the program's.
    pub fn reader_is_gone(&self) -> bool {
        self.reader_is_gone
    }

    /// Adds what the user could do.
    pub fn with_hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// What may help, if anything is known.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The whole chain of causes in one line: outer context first.
impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let io_error = (&error as &dyn std::any::Any).downcast_ref::<std::io::Error>();
        let reader_is_gone =
            io_error.is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe);
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !message.contains(&cause_text) {
                message = format!("{message}: {cause_text}");
            }
            source = cause.source();
        }
        Failure { message, hint: None, reader_is_gone }
    }
}
