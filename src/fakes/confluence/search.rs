//! Simple CQL: comparisons joined by `and`, and an order that changes nothing.

use super::label::Labels;
use super::{Confluence, tree};
use crate::fakes::content::space::{Space, SpacePage};

/// A comparison of a field with one value or several.
#[derive(Debug, PartialEq, Eq)]
struct Test {
    field: String,
    op: Op,
    values: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    /// It is one of the values.
    Is,
    /// It is none of them.
    IsNot,
    /// It has their words.
    Has,
}

/// The fields that can be compared here.
const FIELDS: [&str; 11] = [
    "space",
    "space.key",
    "type",
    "title",
    "text",
    "sitesearch",
    "label",
    "id",
    "content",
    "parent",
    "ancestor",
];

impl Confluence {
    /// The ids of the pages that a query finds, or what is wrong with it.
    pub(super) fn search(&self, cql: &str, space: &Space) -> Result<Vec<u64>, String> {
        let tests = tests(cql)?;
        let needs_text =
            tests.iter().any(|test| matches!(&*test.field, "title" | "text" | "sitesearch"));
        let finds = |id: &u64| {
            let page = if needs_text { self.edits.page(*id, space) } else { None };
            tests.iter().all(|test| self.passes(test, *id, page.as_ref(), space))
        };
        Ok(space.ids().filter(finds).collect())
    }

    fn passes(&self, test: &Test, id: u64, page: Option<&SpacePage>, space: &Space) -> bool {
        let is = |own: &str| test.values.iter().any(|value| value.eq_ignore_ascii_case(own));
        let has = |own: &str| {
            let own = own.to_lowercase();
            let words = |value: &str| {
                let value = value.to_lowercase();
                let mut words = value.split_whitespace().map(|word| word.trim_matches('*'));
                words.all(|word| own.contains(word))
            };
            test.values.iter().any(|value| words(value))
        };
        let title = page.map_or("", |page| &page.title);
        let found = match &*test.field {
            "space" | "space.key" => is(space.key()),
            "type" => is("page"),
            "title" if test.op == Op::Has => has(title),
            "title" => is(title),
            "text" | "sitesearch" => {
                page.is_some_and(|page| has(&format!("{}\n{}", page.title, page.text)))
            }
            "label" => self.labels.get(&id).is_some_and(|labels| Labels::names(labels).any(is)),
            "parent" => tree::parent(id, space).is_some_and(|parent| is(&parent.to_string())),
            "ancestor" => {
                tree::ancestors(id, space).into_iter().any(|above| is(&above.to_string()))
            }
            _ => is(&id.to_string()),
        };
        found != (test.op == Op::IsNot)
    }
}

/// The comparisons of a query.
fn tests(cql: &str) -> Result<Vec<Test>, String> {
    let mut tokens = tokens(cql)?.into_iter().peekable();
    let mut tests = Vec::new();
    loop {
        let field = match tokens.next() {
            Some(Token::Word(field)) => field.to_lowercase(),
            found => return Err(format!("expected a field, found {}", shown(found.as_ref()))),
        };
        if !FIELDS.contains(&field.as_str()) {
            return Err(format!("expected one of {}, found `{field}`", FIELDS.join(", ")));
        }
        let op = match tokens.next() {
            Some(Token::Sign(sign)) if sign == "=" => Op::Is,
            Some(Token::Sign(sign)) if sign == "!=" => Op::IsNot,
            Some(Token::Sign(sign)) if sign == "~" => Op::Has,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => Op::Is,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => match tokens.next() {
                Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => Op::IsNot,
                found => return Err(format!("expected `in`, found {}", shown(found.as_ref()))),
            },
            found => {
                return Err(format!("expected =, !=, ~ or in, found {}", shown(found.as_ref())));
            }
        };
        let values = values(&mut tokens)?;
        tests.push(Test { field, op, values });
        match tokens.next() {
            None => return Ok(tests),
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("and") => {}
            // All pages were made at once, in the order of their ids.
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("order") => return Ok(tests),
            found => return Err(format!("expected `and`, found {}", shown(found.as_ref()))),
        }
    }
}

/// One value, or a list in brackets.
fn values(tokens: &mut impl Iterator<Item = Token>) -> Result<Vec<String>, String> {
    match tokens.next() {
        Some(Token::Word(value) | Token::Quoted(value)) => Ok(vec![value]),
        Some(Token::Sign(sign)) if sign == "(" => {
            let mut values = Vec::new();
            loop {
                match tokens.next() {
                    Some(Token::Word(value) | Token::Quoted(value)) => values.push(value),
                    Some(Token::Sign(sign)) if sign == "," => {}
                    Some(Token::Sign(sign)) if sign == ")" && !values.is_empty() => {
                        return Ok(values);
                    }
                    found => {
                        return Err(format!("expected a value, found {}", shown(found.as_ref())));
                    }
                }
            }
        }
        found => Err(format!("expected a value, found {}", shown(found.as_ref()))),
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Quoted(String),
    Sign(String),
}

fn shown(token: Option<&Token>) -> String {
    match token {
        None => "the end".to_owned(),
        Some(Token::Word(text) | Token::Quoted(text) | Token::Sign(text)) => format!("`{text}`"),
    }
}

fn tokens(cql: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = cql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' | '\'' => {
                let text = &rest[1..];
                let end = text.find(first).ok_or("expected a closing quote, found the end")?;
                tokens.push(Token::Quoted(text[..end].to_owned()));
                end + 2
            }
            '!' if rest.starts_with("!=") => {
                tokens.push(Token::Sign("!=".to_owned()));
                2
            }
            '=' | '~' | '(' | ')' | ',' => {
                tokens.push(Token::Sign(first.to_string()));
                1
            }
            _ => {
                let ends = |c: char| c.is_whitespace() || "=~(),!\"'".contains(c);
                let end = rest.find(ends).unwrap_or(rest.len()).max(first.len_utf8());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}
