//! How each engine spells a condition, and which form of it an index can serve.

use super::condition::{Column, Condition, ElementCondition, Instant, Operator, Test};
use super::dynamic::{DynamicQuery, Engine};
use super::resource_values::{HEAD_CHARS, split};
use crate::values::ids::{OrganizationId, ResourceId};

/// The smallest text that is greater than every text with this beginning; `None` when there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut kept: Vec<char> = prefix.chars().collect();
    while let Some(last) = kept.pop() {
        let next = (u32::from(last).saturating_add(1)..=0x10_FFFF).find_map(char::from_u32);
        if let Some(next) = next {
            kept.push(next);
            return Some(kept.into_iter().collect());
        }
    }
    None
}

/// Writes conditions into a query.
pub(in crate::store) struct Writer<'q> {
    pub(in crate::store) query: &'q mut DynamicQuery,
    pub(in crate::store) engine: Engine,
    pub(in crate::store) organization: OrganizationId,
}

impl Writer<'_> {
    /// Writes a condition on the resource with this alias.
    pub(in crate::store) fn write(&mut self, condition: &Condition, alias: &'static str) {
        match condition {
            Condition::Always(holds) => {
                self.query.sql(if *holds { "1 = 1" } else { "1 = 0" });
            }
            Condition::All(all) => self.join(all, " AND ", |writer, one| writer.write(one, alias)),
            Condition::Any(all) => self.join(all, " OR ", |writer, one| writer.write(one, alias)),
            Condition::Not(one) => {
                self.query.sql("NOT (");
                self.write(one, alias);
                self.query.sql(")");
            }
            Condition::Column(column, test) => {
                let name = match column {
                    Column::UserName => "user_name_folded",
                    Column::ExternalId => "external_id",
                    Column::Display => "display_folded",
                    Column::Kind => "kind",
                };
                self.nullable(&format!("{alias}.{name}"), test);
            }
            Condition::Id(test) => self.id(alias, test),
            Condition::Active(is_active) => {
                self.query.composed(format!("({alias}.active IS NOT NULL"));
                if let Some(is_active) = is_active {
                    self.query.composed(format!(" AND {alias}.active = ")).boolean(*is_active);
                }
                self.query.sql(")");
            }
            Condition::Instant(instant, operator, micros) => {
                let name = match instant {
                    Instant::Created => "created_at",
                    Instant::Updated => "updated_at",
                };
                self.query.composed(format!("{alias}.{name}{}", operator.sql())).integer(*micros);
            }
            Condition::Version(version) => {
                self.query.composed(format!("{alias}.version = ")).integer(*version);
            }
            Condition::Value(path, test) => {
                self.start_values(alias, test.is_selective());
                self.query.sql(" AND v.path = ").text(path.as_str()).sql(" AND ");
                self.value("v", test);
                self.query.sql(")");
            }
            Condition::Below(prefix) => {
                self.start_values(alias, false);
                self.query.sql(" AND ");
                self.below("v", prefix);
                self.query.sql(")");
            }
            Condition::Element(path, within) => self.element(alias, path, within),
            Condition::Member(within) => self.related(alias, "group_k", "member_k", within),
            Condition::Group(within) => self.related(alias, "member_k", "group_k", within),
        }
    }

    fn join<T>(&mut self, all: &[T], word: &'static str, mut write: impl FnMut(&mut Self, &T)) {
        self.query.sql("(");
        for (index, one) in all.iter().enumerate() {
            if index > 0 {
                self.query.sql(word);
            }
            write(self, one);
        }
        self.query.sql(")");
    }

    fn nullable(&mut self, expression: &str, test: &Test) {
        self.query.composed(format!("({expression} IS NOT NULL"));
        if let Test::Compare(operator, text) = test {
            self.query.sql(" AND ");
            self.compare(expression, *operator, text);
        }
        self.query.sql(")");
    }

    /// A comparison of a text expression that is not NULL.
    fn compare(&mut self, expression: &str, operator: Operator, text: &str) {
        match operator {
            Operator::StartsWith => {
                self.query.composed(format!("({expression} >= ")).text(text);
                if let Some(end) = successor(text) {
                    self.query.composed(format!(" AND {expression} < ")).text(end);
                }
                self.query.sql(")");
            }
            Operator::Contains => {
                let function = match self.engine {
                    Engine::Sqlite => "instr",
                    Engine::Postgres => "strpos",
                };
                self.query.composed(format!("{function}({expression}, ")).text(text).sql(") > 0");
            }
            Operator::EndsWith => {
                let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
                self.query.composed(format!("(length({expression}) >= ")).integer(length);
                self.query.composed(format!(" AND substr({expression}, CAST(length({expression}) - "));
                self.query.integer(length.saturating_sub(1)).sql(" AS INTEGER)) = ").text(text).sql(")");
            }
            Operator::Equal
            | Operator::Different
            | Operator::Greater
            | Operator::GreaterOrEqual
            | Operator::Less
            | Operator::LessOrEqual => {
                self.query.composed(format!("{expression}{}", operator.sql())).text(text);
            }
        }
    }

    /// A test of the value row with this alias, whose key may be cut in two.
    fn value(&mut self, alias: &str, test: &Test) {
        let Test::Compare(operator, text) = test else {
            self.query.sql("1 = 1");
            return;
        };
        let is_long = text.chars().count() >= HEAD_CHARS;
        if matches!(operator, Operator::Equal | Operator::StartsWith) && !is_long {
            return self.compare(&format!("{alias}.value"), *operator, text);
        }
        if *operator == Operator::Equal {
            // The head narrows the search to the index; the whole decides.
            self.query.composed(format!("{alias}.value = ")).text(split(text).0).sql(" AND ");
        }
        self.compare(&format!("({alias}.value || coalesce({alias}.tail, ''))"), *operator, text);
    }

    /// Opens a search among the values of the resource. The IN form starts from the values, the EXISTS form from the
    /// resource; both end in a parenthesis that the caller closes.
    fn start_values(&mut self, alias: &str, is_selective: bool) {
        if is_selective {
            let organization = self.organization;
            self.query.composed(format!("{alias}.k IN (SELECT v.k FROM resource_values v WHERE v.org_id = "));
            self.query.bytes(organization.as_bytes());
        } else {
            self.query.composed(format!("EXISTS (SELECT 1 FROM resource_values v WHERE v.k = {alias}.k"));
        }
    }

    /// A path that begins with `prefix`, whose last character is followed by its successor in ASCII.
    fn below(&mut self, alias: &str, prefix: &str) {
        self.compare(&format!("{alias}.path"), Operator::StartsWith, prefix);
    }

    /// One element: the row `v` stands for it, and what the condition says about other parts of the same element is
    /// looked up beside it. Where the condition demands a comparison of one part, `v` is the row of that part.
    fn element(&mut self, alias: &str, path: &str, within: &ElementCondition) {
        match anchor(within) {
            Some((part, test)) => {
                self.start_values(alias, test.is_selective());
                self.query.sql(" AND v.path = ").text(part).sql(" AND ");
                self.within(within, Some(part));
            }
            None => {
                self.start_values(alias, false);
                self.query.sql(" AND ");
                self.below("v", &format!("{path}."));
                self.query.sql(" AND ");
                self.within(within, None);
            }
        }
        self.query.sql(")");
    }

    fn within(&mut self, condition: &ElementCondition, anchored: Option<&str>) {
        match condition {
            ElementCondition::All(all) => self.join(all, " AND ", |writer, one| writer.within(one, anchored)),
            ElementCondition::Any(all) => self.join(all, " OR ", |writer, one| writer.within(one, anchored)),
            ElementCondition::Not(one) => {
                self.query.sql("NOT (");
                self.within(one, anchored);
                self.query.sql(")");
            }
            ElementCondition::Type(test) => self.nullable("v.element_type", test),
            ElementCondition::Primary(None) => {
                self.query.sql("v.element_primary IS NOT NULL");
            }
            ElementCondition::Primary(Some(is_primary)) => {
                self.query.sql("(v.element_primary IS NOT NULL AND v.element_primary = ").boolean(*is_primary).sql(")");
            }
            ElementCondition::Part(path, test) if anchored == Some(path.as_str()) => self.value("v", test),
            ElementCondition::Part(path, test) => {
                self.query.sql(
                    "EXISTS (SELECT 1 FROM resource_values w WHERE w.k = v.k AND w.element = v.element AND w.path = ",
                );
                self.query.text(path.as_str()).sql(" AND ");
                self.value("w", test);
                self.query.sql(")");
            }
        }
    }

    fn related(&mut self, alias: &str, near: &'static str, far: &'static str, within: &Condition) {
        if within.is_selective() {
            let organization = self.organization;
            self.query.composed(format!(
                "{alias}.k IN (SELECT m.{near} FROM resources o JOIN members m ON m.{far} = o.k WHERE o.org_id = "
            ));
            self.query.bytes(organization.as_bytes()).sql(" AND ");
        } else {
            self.query.composed(format!(
                "EXISTS (SELECT 1 FROM members m JOIN resources o ON o.k = m.{far} WHERE m.{near} = {alias}.k AND "
            ));
        }
        self.write(within, "o");
        self.query.sql(")");
    }

    fn id(&mut self, alias: &str, test: &Test) {
        let text = match (self.engine, alias) {
            (Engine::Postgres, alias) => format!("(encode({alias}.id, 'hex')::uuid::text COLLATE \"C\")"),
            (Engine::Sqlite, alias) => {
                let piece = |from: usize, length: usize| format!("substr(hex({alias}.id), {from}, {length})");
                let pieces = [piece(1, 8), piece(9, 4), piece(13, 4), piece(17, 4), piece(21, 12)];
                format!("lower({})", pieces.join(" || '-' || "))
            }
        };
        match test {
            Test::Present => {
                self.query.sql("1 = 1");
            }
            Test::Compare(Operator::Equal, id) => match id.parse::<ResourceId>() {
                Ok(id) => {
                    self.query.composed(format!("{alias}.id = ")).bytes(id.as_bytes());
                }
                Err(_) => {
                    self.query.sql("1 = 0");
                }
            },
            Test::Compare(operator, other) => {
                if let (Operator::StartsWith, Some((low, high))) = (operator, id_range(other)) {
                    self.query.composed(format!("{alias}.id BETWEEN ")).bytes(low.as_bytes()).sql(" AND ");
                    self.query.bytes(high.as_bytes()).sql(" AND ");
                }
                self.compare(&text, *operator, other);
            }
        }
    }
}

/// The part whose comparison the condition cannot do without.
fn anchor(condition: &ElementCondition) -> Option<(&str, &Test)> {
    match condition {
        ElementCondition::Part(path, test) => Some((path, test)),
        ElementCondition::All(all) => {
            let mut anchors = all.iter().filter_map(anchor);
            let first = anchors.next()?;
            if first.1.is_selective() {
                Some(first)
            } else {
                anchors.find(|(_, test)| test.is_selective()).or(Some(first))
            }
        }
        ElementCondition::Any(_)
        | ElementCondition::Not(_)
        | ElementCondition::Type(_)
        | ElementCondition::Primary(_) => None,
    }
}

/// The first and the last id that can begin with `prefix`, so that the search stays on the index.
fn id_range(prefix: &str) -> Option<(ResourceId, ResourceId)> {
    let filled = |with: char| -> Option<ResourceId> {
        let shape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx".chars().skip(prefix.chars().count());
        let rest: String = shape.map(|c| if c == 'x' { with } else { c }).collect();
        format!("{prefix}{rest}").parse().ok()
    };
    Some((filled('0')?, filled('f')?))
}

#[cfg(test)]
mod tests {
    use super::{id_range, successor};

    #[test]
    fn the_successor_bounds_every_text_with_the_prefix() {
        assert_eq!(successor("ab").as_deref(), Some("ac"));
        assert_eq!(successor("a\u{10FFFF}").as_deref(), Some("b"));
        assert_eq!(successor("\u{D7FF}").as_deref(), Some("\u{E000}"));
        assert_eq!(successor("\u{10FFFF}"), None);
    }

    #[test]
    fn a_prefix_of_an_id_is_a_range_and_anything_else_is_none() {
        let (low, high) = id_range("0190a1b2-0").unwrap();
        assert_eq!(low.to_string(), "0190a1b2-0000-0000-0000-000000000000");
        assert_eq!(high.to_string(), "0190a1b2-0fff-ffff-ffff-ffffffffffff");
        for other in ["x", "0190A1B2", "0190a1b20", "0190a1b2-0000-0000-0000-0000000000000"] {
            assert!(id_range(other).is_none(), "{other}");
        }
    }
}
