//! What a Rust source names, read from its tokens: comments, strings and test code do not count.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::FromStr;

use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree, token_stream};

/// A path that a source names, as full as its imports tell: `io::stdout` under `use std::io` is
/// `std::io::stdout`, `super::x` is `crate::…::x`, a macro's name ends in `!`, a glob import in `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
    /// It stands in a `use`.
    pub(crate) imported: bool,
}

/// One source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the repository's root, with `/`.
    pub(crate) file: String,
    /// Every path outside test code.
    pub(crate) names: Vec<Named>,
    /// Files without their extension that hold test code alone, since `#[cfg(test)] mod` declares them.
    pub(crate) test_modules: Vec<String>,
    /// Lines before the first `#[cfg(test)]`.
    pub(crate) lines: usize,
}

impl Source {
    /// Reads `text` as the file at `file`.
    pub(crate) fn read(file: &str, text: &str) -> Self {
        let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let mut reader = Reader { module: module_of(file), ..Reader::default() };
        reader.walk(tokens);
        let imports: HashMap<_, _> = reader.imports.into_iter().collect();
        let names =
            reader.uses.into_iter().chain(reader.names.into_iter().map(|named| resolve(named, &imports)));
        Self {
            file: file.to_owned(),
            names: names.collect(),
            test_modules: reader
                .test_modules
                .iter()
                .map(|name| format!("{}/{name}", folder_of(file)))
                .collect(),
            lines: text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count(),
        }
    }
}

/// Follows the import that a path's first segment stands for.
fn resolve(named: Named, imports: &HashMap<String, Vec<String>>) -> Named {
    let rest = &named.path[1..];
    match imports.get(&named.path[0]) {
        Some(full) => Named { path: full.iter().chain(rest).cloned().collect(), ..named },
        None => named,
    }
}

/// The folder that holds the modules of `file`: `src/a` for `src/a.rs` and `src/a/mod.rs`, `src` for `src/lib.rs`.
fn folder_of(file: &str) -> String {
    let stem = file.trim_end_matches(".rs");
    let root = ["/lib", "/main", "/mod"].iter().find_map(|name| stem.strip_suffix(name));
    root.unwrap_or(stem).to_owned()
}

/// `crate` and the modules down to `file`.
fn module_of(file: &str) -> Vec<String> {
    let folder = folder_of(file);
    let inside = folder.split_once("src/").map_or("", |(_, inside)| inside);
    std::iter::once("crate")
        .chain(inside.split('/'))
        .filter(|name| !name.is_empty())
        .map(Into::into)
        .collect()
}

type Tokens = Peekable<token_stream::IntoIter>;

#[derive(Default)]
struct Reader {
    module: Vec<String>,
    names: Vec<Named>,
    uses: Vec<Named>,
    imports: Vec<(String, Vec<String>)>,
    test_modules: Vec<String>,
}

impl Reader {
    fn walk(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == '#' => self.attribute(&mut tokens),
                TokenTree::Group(group) => self.walk(group.stream()),
                TokenTree::Ident(ident) => self.ident(ident, &mut tokens),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn ident(&mut self, ident: Ident, tokens: &mut Tokens) {
        match ident.to_string().as_str() {
            "use" if !is_punct(tokens.peek(), '<') => self.import(tokens),
            // What stands behind `pub` says who may see it: `pub(crate)`, `pub(in crate::x)`.
            "pub" if is_group(tokens.peek(), Delimiter::Parenthesis) => drop(tokens.next()),
            "mod" => self.module(tokens),
            _ => self.path(ident, tokens),
        }
    }

    /// An attribute; under `#[cfg(test)]` the item behind it is passed over.
    fn attribute(&mut self, tokens: &mut Tokens) {
        let Some(TokenTree::Group(group)) = tokens.next_if(|token| is_group(Some(token), Delimiter::Bracket))
        else {
            return;
        };
        if is_cfg_test(&group) {
            self.test_item(tokens);
        } else {
            self.walk(group.stream());
        }
    }

    fn test_item(&mut self, tokens: &mut Tokens) {
        let mut item = Vec::new();
        for token in tokens.by_ref() {
            let body = is_group(Some(&token), Delimiter::Brace);
            let end = is_punct(Some(&token), ';');
            item.push(token.to_string());
            if end
                && let [.., keyword, name, _] = &item[..]
                && keyword == "mod"
            {
                self.test_modules.push(name.clone());
            }
            if body || end {
                return;
            }
        }
    }

    fn module(&mut self, tokens: &mut Tokens) {
        let Some(TokenTree::Ident(name)) = tokens.next() else { return };
        if let Some(TokenTree::Group(body)) = tokens.next_if(|token| is_group(Some(token), Delimiter::Brace))
        {
            self.module.push(name.to_string());
            self.walk(body.stream());
            self.module.pop();
        }
    }

    fn path(&mut self, first: Ident, tokens: &mut Tokens) {
        let line = first.span().start().line;
        let mut path = vec![first.to_string()];
        while is_path_separator(tokens) {
            match tokens.next_if(|token| matches!(token, TokenTree::Ident(_))) {
                Some(segment) => path.push(segment.to_string()),
                None => break,
            }
        }
        if is_punct(tokens.peek(), '!') && next_is_macro_body(tokens) {
            path.last_mut().unwrap().push('!');
        }
        self.names.push(Named { path: self.absolute(path), line, imported: false });
    }

    /// The tree behind `use`, to its semicolon.
    fn import(&mut self, tokens: &mut Tokens) {
        let tree = tokens.by_ref().take_while(|token| !is_punct(Some(token), ';')).collect();
        self.use_tree(tree, &[]);
    }

    fn use_tree(&mut self, tree: TokenStream, prefix: &[String]) {
        let mut path = prefix.to_vec();
        let mut alias = None;
        let mut line = 0;
        let mut tokens = tree.into_iter().peekable();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Group(group) => {
                    self.use_tree(group.stream(), &path);
                    path.truncate(0);
                }
                TokenTree::Ident(ident) if ident == "as" => {
                    alias = tokens.next().map(|name| name.to_string())
                }
                TokenTree::Ident(ident) => {
                    line = ident.span().start().line;
                    path.push(ident.to_string());
                }
                TokenTree::Punct(punct) if punct.as_char() == '*' => path.push("*".into()),
                TokenTree::Punct(punct) if punct.as_char() == ',' => {
                    self.imported(&mut path, alias.take(), line);
                    path = prefix.to_vec();
                }
                _ => {}
            }
        }
        if path.len() > prefix.len() {
            self.imported(&mut path, alias, line);
        }
    }

    fn imported(&mut self, path: &mut Vec<String>, alias: Option<String>, line: usize) {
        if path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let path = self.absolute(std::mem::take(path));
        if let Some(last) = path.last() {
            self.imports.push((alias.unwrap_or_else(|| last.clone()), path.clone()));
            self.uses.push(Named { path, line, imported: true });
        }
    }

    /// `self` and `super` at a path's beginning as the modules they stand for.
    fn absolute(&self, path: Vec<String>) -> Vec<String> {
        let ups = path.iter().take_while(|segment| *segment == "super").count();
        let here = usize::from(path.first().is_some_and(|first| first == "self") && path.len() > 1);
        if ups + here == 0 {
            return path;
        }
        let module = self.module[..self.module.len().saturating_sub(ups)].iter();
        module.chain(&path[ups + here..]).cloned().collect()
    }
}

fn is_punct(token: Option<&TokenTree>, char: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
}

fn is_group(token: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(token, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

/// Takes `::` off the front, when it stands there.
fn is_path_separator(tokens: &mut Tokens) -> bool {
    let joint = |token: &TokenTree| matches!(token, TokenTree::Punct(punct) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
    tokens.next_if(joint).is_some() && tokens.next_if(|token| is_punct(Some(token), ':')).is_some()
}

/// Whether the `!` at the front calls a macro, and is not the beginning of `!=`.
fn next_is_macro_body(tokens: &Tokens) -> bool {
    matches!(tokens.clone().nth(1), Some(TokenTree::Group(_)))
}

/// `#[cfg(test)]` and `#[cfg(all(test, …))]`.
fn is_cfg_test(attribute: &Group) -> bool {
    let text = attribute.stream().to_string().replace(' ', "");
    text.starts_with("cfg(test") || text.starts_with("cfg(all(test")
}
