//! Foreign text, bounded.

/// Up to so many characters, with a sign in the place of each that controls something.
pub(super) fn clean(text: &str, chars: usize) -> String {
    text.chars().take(chars).map(|char| if is_harmful(char) { '\u{fffd}' } else { char }).collect()
}

/// Control characters, and those that turn the direction of what is around them.
pub(super) fn is_harmful(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
