//! The one owner of stdout and stderr.
//!
//! - [`Console`]: what a command that ends by itself has to say.
//! - [`Colors`], [`Style`]: how it looks, decided once for each stream.
//! - [`escape`]: every text that came from outside passes through it before a person sees it.

mod colors;
mod console;
mod escape;
mod style;

pub use colors::{ColorChoice, Colors};
pub use console::Console;
pub use escape::{escape, escape_bytes};
pub use style::{Painted, Style};
