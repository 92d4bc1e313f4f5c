//! How each engine spells a condition, and which form of it an index can serve.

use super::condition::{Column, Condition, ElementCondition, Instant, Operator, Reach, Service, Test};
use super::dynamic::{DynamicQuery, Engine};
use super::order_text;
use super::resource_grams;
use super::resource_values::{HEAD_CHARS, split};
use super::resources::ResourceKind;
use super::trigrams;
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

/// The resource that a condition is about, in the text of a query.
#[derive(Clone, Copy)]
pub(in crate::store) struct Place {
    /// The name of its row.
    pub(in crate::store) alias: &'static str,
    /// Its kinds, as a comparison.
    pub(in crate::store) kinds: &'static str,
    /// True when the condition is what the engine starts from: it is written so that an index leads to the resource.
    /// Otherwise the resource is there already, and the condition is looked at from it.
    pub(in crate::store) leads: bool,
}

impl Place {
    /// The resource of this kind that is looked for, from this condition.
    pub(in crate::store) const fn sought(kind: ResourceKind) -> Self {
        let kinds = match kind {
            ResourceKind::User => " = 'user'",
            ResourceKind::Group => " = 'group'",
        };
        Self { alias: "r", kinds, leads: true }
    }

    /// The same resource, looked at where it is there already.
    pub(in crate::store) const fn beside(self) -> Self {
        Self { leads: false, ..self }
    }

    /// The resource `o` at the other end of a membership.
    pub(in crate::store) const fn related(self, kinds: &'static str) -> Self {
        Self { alias: "o", kinds, ..self }
    }
}

/// Writes conditions into a query.
pub(in crate::store) struct Writer<'q> {
    pub(in crate::store) query: &'q mut DynamicQuery,
    pub(in crate::store) engine: Engine,
    pub(in crate::store) organization: OrganizationId,
}

impl Writer<'_> {
    /// Writes a condition on the resource at this place.
    pub(in crate::store) fn write(&mut self, condition: &Condition, at: Place) {
        match condition {
            Condition::Always(holds) => {
                self.query.sql(if *holds { "1 = 1" } else { "1 = 0" });
            }
            Condition::All(all) => self.all(all, at),
            Condition::Any(all) => self.join(all, " OR ", |writer, _, one| writer.write(one, at)),
            Condition::Not(one) => {
                self.query.sql("NOT (");
                self.write(one, at.beside());
                self.query.sql(")");
            }
            Condition::Column(column, test) => self.column(*column, test, at),
            Condition::Id(test) => self.id(at.alias, test),
            Condition::Active(active) => self.active(*active, at),
            Condition::Instant(instant, operator, micros) => self.instant(*instant, *operator, *micros, at),
            Condition::Version(version) => {
                self.query.composed(format!("{}.version = ", at.alias)).integer(*version);
            }
            Condition::Value(path, test) => {
                let at = self.narrowed(path, test, at);
                self.start_values(at);
                self.query.sql(" AND v.path = ").text(path.as_str()).sql(" AND ");
                self.value("v", test);
                self.query.sql(")");
            }
            Condition::Below(prefix) => {
                self.start_values(at.beside());
                self.query.sql(" AND ");
                self.below("v", prefix);
                self.query.sql(")");
            }
            Condition::Element(path, within) => self.element(at, path, within),
            Condition::Member(within) => {
                self.related(at.related(" IN ('user', 'group')"), at.alias, ["group_k", "member_k"], within);
            }
            Condition::Group(Reach::Direct, within) => {
                self.related(at.related(" = 'group'"), at.alias, ["member_k", "group_k"], within);
            }
            Condition::Group(Reach::Any, within) if at.leads => self.below_groups(at, within),
            Condition::Group(reach, within) => self.above(at, *reach, within),
        }
    }

    /// Where trigrams serve the test, writes that the resource is one of those that have them; what follows is looked at
    /// from there.
    fn narrowed(&mut self, path: &str, test: &Test, at: Place) -> Place {
        let Test::Compare(Operator::Contains, part) = test else { return at };
        let Some(wanted) = trigrams::wanted(self.organization, path, part).filter(|_| at.leads) else { return at };
        self.query.composed(format!("{}.k IN (", at.alias));
        resource_grams::candidates(self.query, self.engine, self.organization, &wanted);
        self.query.sql(") AND ");
        at.beside()
    }

    /// A conjunction starts from the operand that an index serves best.
    fn all(&mut self, all: &[Condition], at: Place) {
        let leader = all.iter().map(Condition::service).max();
        let leader = all.iter().position(|one| Some(one.service()) == leader);
        self.join(all, " AND ", |writer, index, one| {
            writer.write(one, if Some(index) == leader { at } else { at.beside() });
        });
    }

    /// A user who shows this `active`, or any.
    fn active(&mut self, active: Option<bool>, at: Place) {
        self.query.composed(format!("({}.active IS NOT NULL", at.alias));
        if let Some(is_active) = active {
            self.query.composed(format!(" AND {}.active = ", at.alias)).boolean(is_active);
        }
        self.query.sql(")");
    }

    /// Keeps to the organization, so that an index leads to the resource.
    fn lead(&mut self, at: Place) {
        if at.leads {
            let organization = self.organization;
            self.query.composed(format!("{}.org_id = ", at.alias)).bytes(organization.as_bytes()).sql(" AND ");
        }
    }

    /// The same for an index that has the kind too.
    fn lead_by_kind(&mut self, at: Place) {
        self.lead(at);
        if at.leads {
            self.query.composed(format!("{}.kind{} AND ", at.alias, at.kinds));
        }
    }

    /// What keeps SQLite from starting from a column where the condition leads (`resource_search`).
    pub(in crate::store) fn plus(&self, at: Place) -> &'static str {
        if at.leads && self.engine == Engine::Sqlite { "+" } else { "" }
    }

    fn column(&mut self, column: Column, test: &Test, at: Place) {
        let name = match column {
            Column::UserName => "user_name_folded",
            Column::ExternalId => "external_id",
            Column::Display => "display_folded",
            Column::Kind => "kind",
        };
        let path = match column {
            Column::UserName => "userName",
            Column::ExternalId => "externalId",
            Column::Display => "displayName",
            Column::Kind => "kind",
        };
        self.query.sql("(");
        let at = self.narrowed(path, test, at);
        match column {
            Column::UserName => self.lead(at),
            Column::ExternalId | Column::Display | Column::Kind => self.lead_by_kind(at),
        }
        self.nullable(&format!("{}.{name}", at.alias), test);
        self.query.sql(")");
    }

    /// What was made since an instant was also changed since, which is what the index is on.
    fn instant(&mut self, instant: Instant, operator: Operator, micros: i64, at: Place) {
        self.query.sql("(");
        self.lead_by_kind(at);
        if at.leads && instant == Instant::Created {
            self.query.composed(format!("{}.updated_at >= ", at.alias)).integer(micros).sql(" AND ");
        }
        let name = match instant {
            Instant::Created => "created_at",
            Instant::Updated => "updated_at",
        };
        self.query.composed(format!("{}.{name}{}", at.alias, operator.sql())).integer(micros).sql(")");
    }

    fn join<T>(&mut self, all: &[T], word: &'static str, mut write: impl FnMut(&mut Self, usize, &T)) {
        self.query.sql("(");
        for (index, one) in all.iter().enumerate() {
            if index > 0 {
                self.query.sql(word);
            }
            write(self, index, one);
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
    fn start_values(&mut self, at: Place) {
        let alias = at.alias;
        if at.leads {
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
    fn element(&mut self, at: Place, path: &str, within: &ElementCondition) {
        match within.anchor() {
            Some((part, test)) => {
                let at = self.narrowed(part, test, Place { leads: at.leads && test.service() > Service::Scan, ..at });
                self.start_values(at);
                self.query.sql(" AND v.path = ").text(part).sql(" AND ");
                self.within(within, Some(part));
            }
            None => {
                self.start_values(at.beside());
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
            ElementCondition::All(all) => self.join(all, " AND ", |writer, _, one| writer.within(one, anchored)),
            ElementCondition::Any(all) => self.join(all, " OR ", |writer, _, one| writer.within(one, anchored)),
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

    fn id(&mut self, alias: &str, test: &Test) {
        let text = order_text::id_text(self.engine, alias);
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
