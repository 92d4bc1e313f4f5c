//! Forms as they stand in HTML, read as far as a test needs them.

/// A form: where it goes, how, and what its fields hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub method: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The first form in `html`.
    pub fn first_in(html: &str) -> Option<Self> {
        let start = html.find("<form")?;
        let end = html[start..].find("</form").map_or(html.len(), |length| start + length);
        let body = &html[start..end];
        let opening = attributes(body);
        let fields = body.match_indices("<input").map(|(at, _)| attributes(&body[at..]));
        Some(Self {
            action: value(&opening, "action").unwrap_or_default(),
            method: value(&opening, "method").unwrap_or_else(|| "get".to_owned()),
            fields: fields
                .filter_map(|input| Some((value(&input, "name")?, value(&input, "value").unwrap_or_default())))
                .collect(),
        })
    }

    /// The fields to send, `values` put over what the page had in them.
    pub fn filled(&self, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut fields = self.fields.clone();
        for (name, value) in values {
            fields.retain(|(present, _)| present != name);
            fields.push(((*name).to_owned(), (*value).to_owned()));
        }
        fields
    }
}

fn value(attributes: &[(String, String)], name: &str) -> Option<String> {
    attributes.iter().find(|(present, _)| present == name).map(|(_, value)| value.clone())
}

/// The attributes of the tag that `html` begins with.
fn attributes(html: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = html.trim_start_matches(|c: char| c == '<' || c.is_alphanumeric());
    loop {
        rest = rest.trim_start();
        let end = rest.find(|c: char| c == '=' || c == '>' || c.is_whitespace()).unwrap_or(rest.len());
        let name = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        if name.is_empty() {
            return found;
        }
        let Some(quoted) = rest.strip_prefix('=') else {
            found.push((name, String::new()));
            continue;
        };
        let quote = quoted.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (text, after) = match quote {
            Some(quote) => quoted[1..].split_once(quote).unwrap_or((&quoted[1..], "")),
            None => quoted.split_at(quoted.find(|c: char| c == '>' || c.is_whitespace()).unwrap_or(quoted.len())),
        };
        found.push((name, unescape(text)));
        rest = after;
    }
}

/// Character references as templates write them: named marks and decimal or hexadecimal numbers.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let (name, next) = after.split_once(';').unwrap_or((after, ""));
        let number = name.strip_prefix('#').and_then(|digits| match digits.strip_prefix(['x', 'X']) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
            None => digits.parse().ok(),
        });
        let named = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];
        let mark = number.and_then(char::from_u32).or(named.iter().find(|(n, _)| *n == name).map(|(_, mark)| *mark));
        match mark {
            Some(mark) => out.push(mark),
            None => {
                out.push('&');
                rest = after;
                continue;
            }
        }
        rest = next;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn a_form_is_read_with_its_fields() {
        let html = r#"<p>x</p><form method="post" action="/a?b=1&amp;c=2" novalidate>
            <input type=hidden name=state value="&quot;x&#x2F;&#39;y"><input name="email" required autofocus></form>
            <form action="/other"></form>"#;
        let form = Form::first_in(html).expect("a form");
        assert_eq!((form.action.as_str(), form.method.as_str()), ("/a?b=1&c=2", "post"));
        assert_eq!(
            form.filled(&[("email", "a@b.test")]),
            [("state".to_owned(), "\"x/'y".to_owned()), ("email".to_owned(), "a@b.test".to_owned())]
        );
    }
}
