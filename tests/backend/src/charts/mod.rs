//! Charts, drawn here: SVG without a script, a colour or a size of its own, so that the style sheet decides those, in light
//! and in dark.
//!
//! ```text
//!  values ─▶ scale ─▶ bars, lines, course, spark ─▶ <svg>    values show where the pointer is
//!                          └─▶ figure ─────▶ <figure>: heading, <svg>, the same as a table
//! ```
//!
//! Everything is a function of values. Texts may be foreign: they are escaped, and shortened where they are drawn. There is
//! neither an inline style nor an inline script in what is made, which the pages' policy would refuse.

mod bars;
mod course;
mod figure;
mod lines;
mod scale;
mod spark;
mod svg;

pub use bars::Bars;
pub use course::{Course, CourseLine, Stretch};
pub use figure::Figure;
pub use lines::{Line, Lines, Point};
pub use scale::{Scale, short_number};
pub use spark::{share, spark};

/// Series beyond these have the colour of the last: more cannot be told apart.
pub const COLOURS: usize = 8;
