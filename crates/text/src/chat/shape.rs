//! What is checked and changed in a template's tokens before it is parsed.
//!
//! The engine's parser and compiler call themselves for every link of a chain (`a ~ b ~ c`,
//! `- - - x`, `elif` after `elif`), and a chain can be as long as the file: the stack would end
//! first. And they compute operations on constants at once. So chains are counted here, and the
//! left side of the operations that make large values from small ones is passed through a filter
//! that changes nothing, which makes it no constant.

use minijinja::machinery::{Token, tokenize};
use minijinja::syntax::SyntaxConfig;

use super::allowance::KEPT;
use super::{TemplateError, TemplateErrorKind};
use crate::limits::{TEMPLATE_ELIFS_MAX, TEMPLATE_LINKS_MAX};

/// The source as it may be parsed. Lines stay where they are.
pub(super) fn shaped(source: &str, syntax: &SyntaxConfig) -> Result<String, TemplateError> {
    let mut out = String::with_capacity(source.len() + source.len() / 8);
    let (mut copied, mut links, mut elifs, mut operand_before) = (0, 0, 0, false);
    for token in tokenize(source, false, syntax.clone()) {
        // What the tokenizer refuses the parser will refuse, with a better message.
        let Ok((token, span)) = token else { break };
        if matches!(token, Token::VariableStart | Token::BlockStart) {
            links = 0;
        }
        links += usize::from(is_link(&token));
        elifs += usize::from(matches!(token, Token::Ident("elif")));
        if links > TEMPLATE_LINKS_MAX || elifs > TEMPLATE_ELIFS_MAX {
            return Err(too_long(links, span.start_line));
        }
        if operand_before && matches!(token, Token::Tilde | Token::Plus | Token::Mul) {
            let place = span.start_offset as usize;
            out.push_str(&source[copied..place]);
            out.push('|');
            out.push_str(KEPT);
            out.push(' ');
            copied = place;
        }
        operand_before = ends_operand(&token);
    }
    out.push_str(&source[copied..]);
    Ok(out)
}

/// Whether the parser goes one call deeper for this token, or may. Items of a list do not nest.
fn is_link(token: &Token) -> bool {
    match token {
        Token::Ident(word) => matches!(*word, "if" | "else" | "not" | "and" | "or" | "is" | "in"),
        Token::Str(_) | Token::String(_) | Token::Int(_) | Token::Int128(_) => false,
        Token::Float(_) | Token::Comma | Token::Colon | Token::Assign => false,
        Token::ParenClose | Token::BracketClose | Token::BraceClose => false,
        Token::TemplateData(_) | Token::VariableStart | Token::VariableEnd => false,
        Token::BlockStart | Token::BlockEnd => false,
        _ => true,
    }
}

fn ends_operand(token: &Token) -> bool {
    matches!(
        token,
        Token::Ident(_)
            | Token::Str(_)
            | Token::String(_)
            | Token::Int(_)
            | Token::Int128(_)
            | Token::Float(_)
            | Token::ParenClose
            | Token::BracketClose
            | Token::BraceClose
    )
}

fn too_long(links: usize, line: u16) -> TemplateError {
    let message = if links > TEMPLATE_LINKS_MAX {
        format!("the expression in line {line} has more than {TEMPLATE_LINKS_MAX} operations")
    } else {
        format!("the template has more than {TEMPLATE_ELIFS_MAX} `elif`")
    };
    TemplateError::new(TemplateErrorKind::Limit, message)
}
