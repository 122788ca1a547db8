//! CQL, as far as clients that look for pages use it: comparisons, joined by `and`, `or` and `not` and in
//! brackets, and an order that changes nothing.

use std::iter::Peekable;
use std::vec::IntoIter;

/// A comparison of a field with one value or several.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Comparison {
    pub(super) field: String,
    pub(super) op: Op,
    pub(super) values: Vec<String>,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// It is one of the values.
    Is,
    /// It is none of them.
    IsNot,
    /// It has their words.
    Has,
    /// It is later than the value, or the same.
    From,
    /// It is earlier than the value.
    Before,
}

/// What is asked of a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Condition {
    Compare(Comparison),
    Not(Box<Condition>),
    All(Vec<Condition>),
    Any(Vec<Condition>),
}

/// The fields that can be compared here.
const FIELDS: [&str; 12] = [
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
    "lastmodified",
];

/// Brackets within brackets that are read.
const MOST_BRACKETS: usize = 20;

impl Condition {
    /// Reads a query; gives what is wrong with it, if something is.
    pub(super) fn read(cql: &str) -> Result<Self, String> {
        let tokens = tokens(cql)?.into_iter().peekable();
        let mut reader = QueryReader { tokens, brackets: 0 };
        let query = reader.any()?;
        match reader.tokens.next() {
            None => Ok(query),
            // All pages were made at once, in the order of their ids.
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("order") => Ok(query),
            found => Err(format!("expected `and`, found {}", shown(found.as_ref()))),
        }
    }

    /// Whether it holds, if `holds` says so of each comparison.
    pub(super) fn is_true(&self, holds: &impl Fn(&Comparison) -> bool) -> bool {
        match self {
            Self::Compare(comparison) => holds(comparison),
            Self::Not(query) => !query.is_true(holds),
            Self::All(all) => all.iter().all(|query| query.is_true(holds)),
            Self::Any(any) => any.iter().any(|query| query.is_true(holds)),
        }
    }

    /// Whether one of these fields is compared.
    pub(super) fn names(&self, fields: &[&str]) -> bool {
        match self {
            Self::Compare(comparison) => fields.contains(&&*comparison.field),
            Self::Not(query) => query.names(fields),
            Self::All(queries) | Self::Any(queries) => {
                queries.iter().any(|query| query.names(fields))
            }
        }
    }
}

struct QueryReader {
    tokens: Peekable<IntoIter<Token>>,
    brackets: usize,
}

impl QueryReader {
    fn any(&mut self) -> Result<Condition, String> {
        self.joined("or", Self::all, Condition::Any)
    }

    fn all(&mut self) -> Result<Condition, String> {
        self.joined("and", Self::one, Condition::All)
    }

    /// Parts with this word between them.
    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Condition, String>,
        of: fn(Vec<Condition>) -> Condition,
    ) -> Result<Condition, String> {
        let mut parts = vec![part(self)?];
        while self.takes_word(word) {
            parts.push(part(self)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { of(parts) })
    }

    fn one(&mut self) -> Result<Condition, String> {
        if self.takes_word("not") {
            return Ok(Condition::Not(Box::new(self.in_brackets()?)));
        }
        if matches!(self.tokens.peek(), Some(Token::Sign(sign)) if sign == "(") {
            return self.in_brackets();
        }
        self.comparison().map(Condition::Compare)
    }

    fn in_brackets(&mut self) -> Result<Condition, String> {
        self.sign("(")?;
        self.brackets += 1;
        if self.brackets > MOST_BRACKETS {
            return Err(format!("expected at most {MOST_BRACKETS} brackets"));
        }
        let query = self.any()?;
        self.sign(")")?;
        self.brackets -= 1;
        Ok(query)
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let field = match self.tokens.next() {
            Some(Token::Word(field)) => field.to_lowercase(),
            found => return Err(format!("expected a field, found {}", shown(found.as_ref()))),
        };
        if !FIELDS.contains(&field.as_str()) {
            return Err(format!("expected one of {}, found `{field}`", FIELDS.join(", ")));
        }
        let op = match self.tokens.next() {
            Some(Token::Sign(sign)) if sign == "=" => Op::Is,
            Some(Token::Sign(sign)) if sign == "!=" => Op::IsNot,
            Some(Token::Sign(sign)) if sign == "~" => Op::Has,
            Some(Token::Sign(sign)) if sign == ">=" => Op::From,
            Some(Token::Sign(sign)) if sign == "<" => Op::Before,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("in") => Op::Is,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("not") => {
                if !self.takes_word("in") {
                    let found = self.tokens.next();
                    return Err(format!("expected `in`, found {}", shown(found.as_ref())));
                }
                Op::IsNot
            }
            found => {
                let signs = "expected =, !=, ~, >=, < or in";
                return Err(format!("{signs}, found {}", shown(found.as_ref())));
            }
        };
        Ok(Comparison { field, op, values: self.values()? })
    }

    /// One value, or a list in brackets.
    fn values(&mut self) -> Result<Vec<String>, String> {
        if !matches!(self.tokens.peek(), Some(Token::Sign(sign)) if sign == "(") {
            return Ok(vec![self.value()?]);
        }
        self.sign("(")?;
        let mut values = vec![self.value()?];
        while matches!(self.tokens.peek(), Some(Token::Sign(sign)) if sign == ",") {
            self.sign(",")?;
            values.push(self.value()?);
        }
        self.sign(")")?;
        Ok(values)
    }

    /// A word, a text, or a function of a text, which is written as it is called.
    fn value(&mut self) -> Result<String, String> {
        match self.tokens.next() {
            Some(Token::Quoted(text)) => Ok(text),
            Some(Token::Word(word)) if word == "now" => {
                self.sign("(")?;
                let text = self.value()?;
                self.sign(")")?;
                Ok(format!("now({text})"))
            }
            Some(Token::Word(word)) => Ok(word),
            found => Err(format!("expected a value, found {}", shown(found.as_ref()))),
        }
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it =
            |token: &Token| matches!(token, Token::Word(found) if found.eq_ignore_ascii_case(word));
        self.tokens.next_if(is_it).is_some()
    }

    fn sign(&mut self, sign: &str) -> Result<(), String> {
        match self.tokens.next() {
            Some(Token::Sign(found)) if found == sign => Ok(()),
            found => Err(format!("expected `{sign}`, found {}", shown(found.as_ref()))),
        }
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
    const SIGNS: [&str; 9] = ["!=", ">=", "<=", "=", "~", "<", "(", ")", ","];
    let mut tokens = Vec::new();
    let mut rest = cql.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = if let '"' | '\'' = first {
            let (text, end) = in_quotes(&rest[1..], first)?;
            tokens.push(Token::Quoted(text));
            end + 2
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            tokens.push(Token::Sign(sign.to_owned()));
            sign.len()
        } else {
            let ends = |c: char| c.is_whitespace() || "=~(),!<>\"'".contains(c);
            let end = rest.find(ends).unwrap_or(rest.len()).max(first.len_utf8());
            tokens.push(Token::Word(rest[..end].to_owned()));
            end
        };
        rest = rest[length..].trim_start();
    }
    Ok(tokens)
}

/// The text up to the closing quote, its backslashes resolved, and where the quote stands.
fn in_quotes(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut resolved = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => resolved.extend(chars.next().map(|(_, c)| c)),
            c if c == quote => return Ok((resolved, at)),
            c => resolved.push(c),
        }
    }
    Err("expected a closing quote, found the end".to_owned())
}
