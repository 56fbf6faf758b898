//! Rows of a Markdown table.

/// Cells of a row that begins with a bar; the last one may be unfinished.
pub(super) fn cells(row: &str) -> usize {
    bars(row) - usize::from(is_ended(row))
}

/// Whether the row is whole: as many cells as the head, and the bar after the last.
pub(super) fn is_whole(row: &str, columns: usize) -> bool {
    is_ended(row) && cells(row) >= columns
}

/// Whether the last cell has its bar.
fn is_ended(row: &str) -> bool {
    row.len() > 1 && row.ends_with('|') && !row.ends_with("\\|")
}

/// Bars that divide cells: those without a backslash.
fn bars(row: &str) -> usize {
    let mut escaped = false;
    let mut count = 0;
    for byte in row.bytes() {
        count += usize::from(byte == b'|' && !escaped);
        escaped = byte == b'\\' && !escaped;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_counted_to_the_last_bar() {
        assert_eq!(cells("| a | b |"), 2);
        assert_eq!(cells("| a | b"), 2);
        assert_eq!(cells(r"| a \| b | c |"), 2);
        assert_eq!(cells("|"), 1);
        assert!(is_whole("| a | b |", 2));
        assert!(!is_whole("| a | b", 2));
        assert!(!is_whole("| a |", 2));
    }
}
