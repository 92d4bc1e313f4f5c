//! Paging of lists by key: a page is "at most `limit` items after this id".

/// The longest page that a list hands out.
pub const MAX_LIMIT: i64 = 200;
/// The page length when the caller names none.
pub const DEFAULT_LIMIT: i64 = 50;

/// A request for one page, in key order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<K> {
    /// Only items behind this key; `None` for the first page.
    pub after: Option<K>,
    /// At most this many items, 1 to [`MAX_LIMIT`].
    pub limit: i64,
}

/// The limit is not between 1 and [`MAX_LIMIT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("limit is a number from 1 to 200")]
pub struct InvalidLimit;

impl<K> PageRequest<K> {
    /// A page after `after`, of `limit` items or the default.
    pub fn new(after: Option<K>, limit: Option<i64>) -> Result<Self, InvalidLimit> {
        let limit = limit.unwrap_or(DEFAULT_LIMIT);
        if (1..=MAX_LIMIT).contains(&limit) { Ok(Self { after, limit }) } else { Err(InvalidLimit) }
    }

    /// How many rows to ask the store for: one more than the page, which tells whether another page follows.
    pub fn fetch_limit(&self) -> i64 {
        self.limit.saturating_add(1)
    }
}

/// One page and the key of the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, K> {
    /// The items, in key order.
    pub items: Vec<T>,
    /// Pass this as `after` to go on; `None` on the last page.
    pub next: Option<K>,
}

impl<T, K> Page<T, K> {
    /// Cuts rows that were fetched with [`PageRequest::fetch_limit`] into a page.
    pub fn cut(mut items: Vec<T>, request: &PageRequest<K>, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(request.limit).unwrap_or(0);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = if has_more { items.last().map(key) } else { None };
        Self { items, next }
    }
}

#[cfg(test)]
mod tests {
    use super::{Page, PageRequest};

    #[test]
    fn a_page_names_the_next_one_only_when_there_is_more() {
        let request = PageRequest::new(None, Some(2)).unwrap();
        assert_eq!(Page::cut(vec![1, 2, 3], &request, |n| *n), Page { items: vec![1, 2], next: Some(2) });
        assert_eq!(Page::cut(vec![1, 2], &request, |n| *n), Page { items: vec![1, 2], next: None });
    }

    #[test]
    fn limits_are_bounded() {
        assert!(PageRequest::<u8>::new(None, Some(0)).is_err());
        assert!(PageRequest::<u8>::new(None, Some(201)).is_err());
    }
}
