//! Values that are written as text in quotes.

use std::marker::PhantomData;
use std::path::{Component, Path, PathBuf};

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use toml::Spanned;

/// What can be read out of a text. The error is the end of a sentence about the value: "must be …".
pub(in crate::config) trait FromText: Sized {
    fn from_text(text: &str) -> Result<Self, String>;
}

/// A `T`, written as text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::config) struct Text<T>(pub(in crate::config) T);

impl<'de, T: FromText> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromText> Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        T::from_text(text).map(Text).map_err(E::custom)
    }
}

/// The values of a list.
pub(in crate::config) fn texts<T>(list: Vec<Spanned<Text<T>>>) -> Vec<T> {
    list.into_iter().map(|item| item.into_inner().0).collect()
}

/// One of a few words.
pub(in crate::config) fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let known = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    known.ok_or_else(|| {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        format!("must be one of {}", quoted.join(", "))
    })
}

/// An absolute path without `..`: the daemon has no working folder that an administrator could know.
impl FromText for PathBuf {
    fn from_text(text: &str) -> Result<Self, String> {
        let path = Path::new(text);
        if !path.is_absolute() || path.components().any(|part| part == Component::ParentDir) || text.contains(char::is_control) {
            return Err("must be an absolute path, without `..`".to_owned());
        }
        Ok(path.to_owned())
    }
}
