//! Reads tokens into a tree. Precedence as RFC 7644, section 3.4.2.2, has it: grouping, `not`, `and`, `or`.

use serde_json::Value;

use super::ast::{Filter, Literal, Operator, Target};
use super::evaluate;
use super::lexer::Token;
use crate::protocol::scim::attribute::{Kind, Mutability};
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::json::Object;
use crate::protocol::scim::resource_type::{Located, Place, ResourceType};
use crate::protocol::scim::rewrite::Rule;
use crate::protocol::scim::validation::Rules;

/// What names are resolved against.
#[derive(Clone, Copy)]
pub(in crate::protocol::scim) enum Scope<'t> {
    /// A whole resource, and the other types of which resources are searched by the same filter.
    Resource(&'t ResourceType, &'t [&'t ResourceType]),
    /// One element of a complex attribute.
    Element(Located<'t>),
}

/// What a name leads to.
#[derive(Clone, Copy)]
enum Found<'t> {
    /// An attribute of what is looked at.
    Here(Located<'t>),
    /// An attribute that only another type has: here it has no value.
    Elsewhere(Located<'t>),
}

/// A reader of tokens with the bounds of one request.
pub(in crate::protocol::scim) struct Parser<'l> {
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    rules: &'l Rules,
    levels_left: usize,
    terms_left: usize,
}

impl<'l> Parser<'l> {
    /// A reader of `tokens`.
    pub(in crate::protocol::scim) fn new(tokens: Vec<Token>, rules: &'l Rules) -> Self {
        Self {
            tokens: tokens.into_iter().peekable(),
            rules,
            levels_left: rules.limits.filter_depth,
            terms_left: rules.limits.filter_terms,
        }
    }

    /// Refuses anything that is left.
    pub(in crate::protocol::scim) fn expect_end(&mut self) -> Result<(), ScimError> {
        match self.tokens.next() {
            None => Ok(()),
            Some(_) => Err(ScimError::filter("there is more behind the end of the filter")),
        }
    }

    /// Takes the next token when it is `token`.
    pub(in crate::protocol::scim) fn take(&mut self, token: &Token) -> bool {
        self.tokens.next_if_eq(token).is_some()
    }

    /// Takes the next token when it is a word.
    pub(in crate::protocol::scim) fn take_word(&mut self) -> Option<String> {
        match self.tokens.next_if(|token| matches!(token, Token::Word(_))) {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(keyword))).is_some()
    }

    /// Reads one filter.
    pub(in crate::protocol::scim) fn filter(&mut self, scope: Scope<'_>) -> Result<Filter, ScimError> {
        let Some(levels_left) = self.levels_left.checked_sub(1) else {
            return Err(ScimError::filter("it nests too deep").by("limits.scim_filter_depth"));
        };
        self.levels_left = levels_left;
        let mut choices = vec![self.conjunction(scope)?];
        while self.take_keyword("or") {
            choices.push(self.conjunction(scope)?);
        }
        self.levels_left = self.levels_left.saturating_add(1);
        Ok(one_or(choices, Filter::Or))
    }

    fn conjunction(&mut self, scope: Scope<'_>) -> Result<Filter, ScimError> {
        let mut terms = vec![self.term(scope)?];
        while self.take_keyword("and") {
            terms.push(self.term(scope)?);
        }
        Ok(one_or(terms, Filter::And))
    }

    fn term(&mut self, scope: Scope<'_>) -> Result<Filter, ScimError> {
        if self.take(&Token::Open) {
            return self.grouped(scope);
        }
        let Some(name) = self.take_word() else {
            return Err(ScimError::filter("an attribute name is missing"));
        };
        if name.eq_ignore_ascii_case("not") && self.take(&Token::Open) {
            return Ok(Filter::Not(Box::new(self.grouped(scope)?)));
        }
        match resolve(scope, &name, self.rules)? {
            Found::Here(at) => self.test(at),
            Found::Elsewhere(at) => Ok(Filter::Fixed(evaluate::matches(&self.test(at)?, &Object::new()))),
        }
    }

    /// What stands behind the name of an attribute.
    fn test(&mut self, at: Located<'_>) -> Result<Filter, ScimError> {
        if self.take(&Token::OpenBracket) { self.value_path(at) } else { self.comparison(at) }
    }

    fn grouped(&mut self, scope: Scope<'_>) -> Result<Filter, ScimError> {
        let filter = self.filter(scope)?;
        if self.take(&Token::Close) { Ok(filter) } else { Err(ScimError::filter("a closing parenthesis is missing")) }
    }

    /// `emails[type eq "work"]`, and `emails[type eq "work"].value eq "x"`, which the grammar of the RFC does not
    /// have and Entra ID sends: it means that one element satisfies both.
    fn value_path(&mut self, at: Located<'_>) -> Result<Filter, ScimError> {
        let within = self.bracketed(at)?;
        let Some(part) = self.tokens.next_if(|token| matches!(token, Token::Word(word) if word.starts_with('.')))
        else {
            return Ok(Filter::Element(Target::of(at), Box::new(within)));
        };
        let Token::Word(part) = part else { return Err(ScimError::filter("a sub-attribute is missing")) };
        let part = part_of(at, part.trim_start_matches('.'))?;
        let outside = self.comparison(part)?;
        Ok(Filter::Element(Target::of(at), Box::new(Filter::And(vec![within, outside]))))
    }

    /// The filter up to and including the closing bracket.
    pub(in crate::protocol::scim) fn bracketed(&mut self, at: Located<'_>) -> Result<Filter, ScimError> {
        if at.attribute.sub_attributes.is_empty() || at.part.is_some() {
            return Err(ScimError::filter(format!("{} has no sub-attributes", at.attribute.name)));
        }
        let filter = self.filter(Scope::Element(at))?;
        if self.take(&Token::CloseBracket) {
            Ok(filter)
        } else {
            Err(ScimError::filter("a closing bracket is missing"))
        }
    }

    fn comparison(&mut self, at: Located<'_>) -> Result<Filter, ScimError> {
        let Some(terms_left) = self.terms_left.checked_sub(1) else {
            return Err(ScimError::filter("it has too many comparisons").by("limits.scim_filter_terms"));
        };
        self.terms_left = terms_left;
        let Some(operator) = self.take_word() else {
            return Err(ScimError::filter(format!("an operator is missing behind {}", at.attribute.name)));
        };
        if operator.eq_ignore_ascii_case("pr") {
            return Ok(Filter::Present(Target::of(at)));
        }
        let operator = Operator::parse(&operator)
            .ok_or_else(|| ScimError::filter(format!("there is no operator behind {}", at.attribute.name)))?;
        let target = Target::of(leaf(at)?);
        let value = self.literal(&target)?;
        compare(target, operator, value, self.rules)
    }

    fn literal(&mut self, target: &Target) -> Result<Value, ScimError> {
        match self.tokens.next() {
            Some(Token::Text(text)) => Ok(Value::String(text)),
            Some(Token::Word(word)) => match serde_json::from_str::<Value>(&word) {
                Ok(value) => Ok(value),
                Err(_) if self.rules.tolerance.bare_literals.is_understood() => {
                    let (at, word) = (target.leaf_path(), Value::String(word));
                    self.rules.note(Rule::BareLiterals, &at, word.clone(), word.clone());
                    Ok(word)
                }
                Err(_) => {
                    Err(ScimError::filter("a literal is not JSON; a text needs quotes").under(Rule::BareLiterals))
                }
            },
            _ => Err(ScimError::filter("a literal is missing")),
        }
    }
}

fn one_or(mut filters: Vec<Filter>, many: impl Fn(Vec<Filter>) -> Filter) -> Filter {
    match (filters.len(), filters.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            filters.push(last);
            many(filters)
        }
        (_, None) => many(filters),
    }
}

fn resolve<'t>(scope: Scope<'t>, name: &str, rules: &Rules) -> Result<Found<'t>, ScimError> {
    let (resource_type, others) = match scope {
        Scope::Element(at) => return part_of(at, name).map(Found::Here),
        Scope::Resource(resource_type, others) => (resource_type, others),
    };
    if let Some(at) = top(resource_type, name, rules)? {
        return Ok(Found::Here(at));
    }
    for other in others {
        if let Some(at) = top(other, name, rules)? {
            return Ok(Found::Elsewhere(at));
        }
    }
    Err(unknown())
}

fn unknown() -> ScimError {
    ScimError::filter("it names an attribute that there is not")
}

fn part_of<'t>(at: Located<'t>, name: &str) -> Result<Located<'t>, ScimError> {
    let part = at.attribute.part(name).ok_or_else(unknown)?;
    searchable(Located { part: Some(part), ..at })
}

/// The attribute of a resource type with this name, if it has one.
fn top<'t>(resource_type: &'t ResourceType, name: &str, rules: &Rules) -> Result<Option<Located<'t>>, ScimError> {
    let at = match resource_type.find(name) {
        Some(Place::Attribute(at)) => Some(at),
        Some(Place::Extension(_)) => return Err(unknown()),
        None => short_name(resource_type, name, rules)?,
    };
    at.map(searchable).transpose()
}

fn searchable(at: Located<'_>) -> Result<Located<'_>, ScimError> {
    let leaf = at.part.unwrap_or(at.attribute);
    if leaf.mutability == Mutability::WriteOnly {
        let detail = format!("{} cannot be searched", leaf.name);
        return Err(ScimError::new(ScimType::Sensitive, detail));
    }
    Ok(at)
}

/// The attribute of the one extension that has this name.
fn short_name<'t>(
    resource_type: &'t ResourceType,
    name: &str,
    rules: &Rules,
) -> Result<Option<Located<'t>>, ScimError> {
    let mut found = resource_type.extensions.iter().filter_map(|extension| {
        let full = format!("{}:{name}", extension.schema.id);
        match resource_type.find(&full) {
            Some(Place::Attribute(at)) => Some((full, at)),
            Some(Place::Extension(_)) | None => None,
        }
    });
    let (Some((full, at)), None) = (found.next(), found.next()) else { return Ok(None) };
    if !rules.tolerance.short_names.is_understood() {
        return Err(ScimError::filter(format!("{name} needs the URN of its schema")).under(Rule::ShortNames));
    }
    rules.note(Rule::ShortNames, name, name.into(), full.into());
    Ok(Some(at))
}

/// A complex attribute is compared by its `value` (RFC 7644, section 3.4.2.2: `emails eq x`).
fn leaf(at: Located<'_>) -> Result<Located<'_>, ScimError> {
    match at.part {
        Some(_) => Ok(at),
        None if at.attribute.kind != Kind::Complex => Ok(at),
        None => match at.attribute.part("value") {
            Some(part) => Ok(Located { part: Some(part), ..at }),
            None => Err(ScimError::filter(format!("{} is compared by one of its sub-attributes", at.attribute.name))),
        },
    }
}

fn compare(target: Target, operator: Operator, value: Value, rules: &Rules) -> Result<Filter, ScimError> {
    let is_text = matches!(target.kind, Kind::String | Kind::Reference | Kind::Binary);
    // RFC 7644: "Boolean and Binary attributes SHALL cause a failed response (HTTP status code 400) with scimType of
    // invalidFilter."
    let fits = match target.kind {
        Kind::Boolean => !operator.is_ordering() && !operator.is_partial(),
        Kind::Binary => !operator.is_ordering(),
        Kind::DateTime | Kind::Integer | Kind::Decimal => !operator.is_partial(),
        Kind::String | Kind::Reference | Kind::Complex => true,
    };
    if !fits {
        return Err(ScimError::filter(format!("{} cannot be compared in this way", target.attribute)));
    }
    if value.is_null() && matches!(operator, Operator::Eq | Operator::Ne) {
        return Ok(Filter::Compare(target, operator, Literal::Null));
    }
    let loose = match &value {
        Value::String(text) if target.kind == Kind::Boolean && text.eq_ignore_ascii_case("true") => Some(true.into()),
        Value::String(text) if target.kind == Kind::Boolean && text.eq_ignore_ascii_case("false") => Some(false.into()),
        Value::Number(number) if is_text => Some(Value::String(number.to_string())),
        Value::Bool(is_true) if is_text => Some(Value::String(is_true.to_string())),
        _ => None,
    };
    let misfit = || ScimError::filter(format!("the literal does not fit the type of {}", target.leaf_path()));
    let value = match loose {
        None => value,
        Some(understood) if rules.tolerance.loose_types.is_understood() => {
            rules.note(Rule::LooseTypes, &target.leaf_path(), value, understood.clone());
            understood
        }
        Some(_) => return Err(misfit().under(Rule::LooseTypes)),
    };
    match comparison::key(target.kind, target.case_exact, &value) {
        // Every text contains, starts and ends with the empty one.
        Some(key) if key.is_empty() && operator.is_partial() => Ok(Filter::Present(target)),
        Some(key) => Ok(Filter::Compare(target, operator, Literal::Value { key, value })),
        None => Err(misfit()),
    }
}
