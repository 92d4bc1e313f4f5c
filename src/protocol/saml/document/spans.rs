//! Where elements stand in a text that [`super::reader::parse`] has read.

use std::ops::Range;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

/// The byte range of each child element of the root, in document order: as many as the root has elements. `None` for a
/// text that is not a document.
pub fn children_of_root(text: &str) -> Option<Vec<Range<usize>>> {
    let mut reader = Reader::from_str(text);
    let mut ranges = Vec::new();
    let mut depth = 0_usize;
    let mut start = 0;
    loop {
        let before = usize::try_from(reader.buffer_position()).ok()?;
        let event = reader.read_event().ok()?;
        let after = usize::try_from(reader.buffer_position()).ok()?;
        match event {
            Event::Start(_) => {
                if depth == 1 {
                    start = before;
                }
                depth += 1;
            }
            Event::Empty(_) if depth == 1 => ranges.push(before..after),
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                if depth == 1 {
                    ranges.push(start..after);
                }
            }
            Event::Eof => return (depth == 0).then_some(ranges),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::children_of_root;

    #[test]
    fn each_child_is_found_to_the_byte() {
        let text = "<?xml version=\"1.0\"?>\n<r a='>'> é<b x='1'><b/></b>&lt;<c/><d>]</d>\n</r>\n";
        let found: Vec<&str> = children_of_root(text).unwrap().into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["<b x='1'><b/></b>", "<c/>", "<d>]</d>"]);
        assert_eq!(children_of_root("<r/>"), Some(vec![]));
        assert_eq!(children_of_root("<r><a></r>"), None);
    }
}
