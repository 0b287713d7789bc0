//! How many lines two texts differ by.

/// Lines added and removed on the way from `left` to `right`, as `diff` counts them.
pub(super) fn lines(left: &str, right: &str) -> (usize, usize) {
    let right: Vec<&str> = right.lines().collect();
    // The longest common subsequence, one row of the table at a time.
    let mut row = vec![0_usize; right.len() + 1];
    let mut count = 0;
    for line in left.lines() {
        count += 1;
        let mut diagonal = 0;
        for (at, other) in right.iter().enumerate() {
            let above = row[at + 1];
            row[at + 1] = if line == *other { diagonal + 1 } else { above.max(row[at]) };
            diagonal = above;
        }
    }
    let common = row[right.len()];
    (right.len() - common, count - common)
}

#[cfg(test)]
mod tests {
    #[test]
    fn common_lines_are_not_counted() {
        assert_eq!(super::lines("a\nb\nc\n", "a\nb\nc\n"), (0, 0));
        assert_eq!(super::lines("a\nb\nc\n", "a\nx\ny\nc\n"), (2, 1));
        assert_eq!(super::lines("", "a\n"), (1, 0));
        assert_eq!(super::lines("a\nb\n", "b\na\n"), (1, 1));
    }
}
