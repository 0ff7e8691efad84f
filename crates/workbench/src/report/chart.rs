//! A small chart of block characters.

/// A column's top cell, from empty to full.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One column for each value, `rows` lines high, the highest line first. The largest value is full.
pub fn chart(values: &[u64], rows: usize) -> Vec<String> {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let steps = 8 * rows as u64;
    // Rounded up, so that whatever is not 0 is seen.
    let heights: Vec<u64> = values
        .iter()
        .map(|value| (value * steps).div_ceil(most))
        .collect();
    (0..rows as u64)
        .rev()
        .map(|row| {
            let cells = heights
                .iter()
                .map(|height| height.saturating_sub(8 * row).min(8));
            cells
                .filter_map(|cell| EIGHTHS.get(usize::try_from(cell).ok()?))
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_high_as_their_values() {
        assert_eq!(chart(&[0, 1, 8, 16], 2), ["   █", " ▁██"]);
        assert_eq!(chart(&[0, 1000], 1), [" █"]);
        assert_eq!(chart(&[], 1), [""]);
        assert_eq!(chart(&[0], 1), [" "]);
    }
}
