//! `xs:duration`, as far as metadata has it.

/// The seconds of a duration of days and smaller parts (`P1D`, `PT6H`, `P1DT30M`). `None` for anything else: years and
/// months have no length, a negative or empty one no meaning here.
pub fn seconds(text: &str) -> Option<i64> {
    let (date, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((date, time)) if !time.is_empty() => (date, time),
        Some(_) => return None,
        None => (text.strip_prefix('P')?, ""),
    };
    let total = parts(date, &[('D', 86_400)])?.checked_add(parts(time, &[('H', 3_600), ('M', 60), ('S', 1)])?)?;
    (total > 0).then_some(total)
}

/// The sum of the parts, each unit once and in this order.
fn parts(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let mut rest = text;
    let mut total = 0_i64;
    for (unit, seconds) in units {
        let Some((number, after)) = rest.split_once(*unit) else { continue };
        // Fractions of a second are allowed and too small to count.
        let whole = number.split_once('.').map_or(number, |(whole, _)| whole);
        if whole.is_empty() || whole.len() > 9 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        total = total.checked_add(whole.parse::<i64>().ok()?.checked_mul(*seconds)?)?;
        rest = after;
    }
    rest.is_empty().then_some(total)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn days_and_smaller_parts_have_a_length() {
        let cases = [("PT6H", 21_600), ("P1D", 86_400), ("P1DT1H1M1.5S", 90_061), ("PT86400S", 86_400)];
        for (text, expected) in cases {
            assert_eq!(seconds(text), Some(expected), "{text}");
        }
        for text in ["", "P", "PT", "P1M", "P1Y", "-P1D", "PT0S", "PT1", "PT1M1H", "1D", "PTH", "PT99999999999S"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
