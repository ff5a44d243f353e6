//! The form that a type has in a reply, and the type of memory from which it is encoded.

use std::ffi::CString;

use crate::worker::hdf5::{Class, Datatype};
use crate::worker::msgpack::Writer;

/// Deepest nesting of types.
const MAX_NESTING: usize = 16;
/// Most fields of a compound.
const MAX_FIELDS: u32 = 4096;

/// The form of elements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Form {
    /// A number or text of fixed size, by numpy's code.
    Plain(String),
    /// Text of variable length.
    Text,
    /// So many of another form.
    Array(Box<Form>, Vec<u64>),
    /// Named fields, packed.
    Record(Vec<(String, Form)>),
    /// A sequence of another form.
    Sequence(Box<Form>, usize),
}

/// A type of a reply.
#[derive(Debug)]
pub(super) struct Kind {
    pub(super) form: Form,
    /// What libhdf5 is to convert to.
    pub(super) memory: Datatype,
}

impl Kind {
    /// The form of a stored type; none if the protocol has none.
    pub(super) fn of(stored: &Datatype) -> Option<Self> {
        Self::nested(stored, Place::Top, 0)
    }

    fn nested(stored: &Datatype, place: Place, depth: usize) -> Option<Self> {
        if depth > MAX_NESTING {
            return None;
        }
        match stored.class() {
            Class::Integer { signed } => number(stored, if signed { 'i' } else { 'u' }, place),
            Class::Float => number(stored, 'f', place),
            Class::Complex => number(stored, 'c', Place::Top),
            Class::Enumeration => Self::nested(&stored.base()?, place, depth + 1),
            Class::FixedText => Some(Self {
                form: Form::Plain(format!("S{}", stored.size())),
                memory: match place {
                    Place::Field => stored.copy()?,
                    _ => stored.null_padded()?,
                },
            }),
            Class::VariableText if place == Place::Top => Some(Self {
                form: Form::Text,
                memory: stored.copy()?,
            }),
            Class::Sequence if place == Place::Top => {
                let base = Self::nested(&stored.base()?, Place::Top, depth + 1)?;
                Some(Self {
                    memory: base.memory.sequence()?,
                    form: Form::Sequence(Box::new(base.form), base.memory.size()),
                })
            }
            Class::Array(dimensions) => {
                let place = if place == Place::Field {
                    place
                } else {
                    Place::Element
                };
                let base = Self::nested(&stored.base()?, place, depth + 1)?;
                Some(Self {
                    memory: base.memory.array(&dimensions)?,
                    form: Form::Array(Box::new(base.form), dimensions),
                })
            }
            Class::Compound => Self::record(stored, depth),
            _ => None,
        }
    }

    fn record(stored: &Datatype, depth: usize) -> Option<Self> {
        let count = stored.fields();
        if count == 0 || count > MAX_FIELDS {
            return None;
        }
        let mut fields = Vec::new();
        for number in 0..count {
            let (name, kind) = stored.field(number)?;
            let kind = Self::nested(&kind, Place::Field, depth + 1)?;
            fields.push((String::from_utf8(name).ok()?, kind));
        }
        let names: Option<Vec<CString>> = fields
            .iter()
            .map(|(name, _)| CString::new(name.as_str()).ok())
            .collect();
        let names = names?;
        let parts: Vec<_> = names
            .iter()
            .zip(&fields)
            .map(|(name, (_, kind))| (name.as_c_str(), &kind.memory))
            .collect();
        Some(Self {
            memory: Datatype::packed(&parts)?,
            form: Form::Record(fields.into_iter().map(|(name, kind)| (name, kind.form)).collect()),
        })
    }
}

/// Where a type stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// By itself, or in a sequence: converted to this machine's order and padding.
    Top,
    /// In an array: converted likewise, but never of variable length.
    Element,
    /// In a compound, where order and padding stay, too.
    Field,
}

fn number(stored: &Datatype, letter: char, place: Place) -> Option<Kind> {
    let half = Datatype::half().filter(|half| stored == half || half.big_endian().as_ref() == Some(stored));
    let native = match half {
        Some(half) if letter == 'f' => half,
        _ => stored.native()?,
    };
    let width = native.size();
    let known: &[usize] = match letter {
        'f' => &[2, 4, 8, 16],
        'c' => &[8, 16, 32],
        _ => &[1, 2, 4, 8],
    };
    if !known.contains(&width) {
        return None;
    }
    let swapped = match place {
        Place::Field => native.big_endian().filter(|swapped| swapped == stored),
        _ => None,
    };
    Some(match swapped {
        Some(memory) => Kind {
            form: Form::Plain(format!(">{letter}{width}")),
            memory,
        },
        None => Kind {
            form: Form::Plain(format!("<{letter}{width}")),
            memory: native,
        },
    })
}

impl Form {
    /// Whether elements are of variable length.
    pub(super) fn variable(&self) -> bool {
        matches!(self, Self::Text | Self::Sequence(..))
    }

    /// Whether the description of a dataset carries the letter for structured types.
    pub(super) fn structured(&self) -> bool {
        !matches!(self, Self::Plain(_) | Self::Text)
    }

    /// The stock client reads no descriptions of datasets but those of plain types: one that it cannot read
    /// makes it refuse the group that it is in.
    pub(super) fn common(&self) -> bool {
        match self {
            Self::Plain(_) | Self::Text => true,
            Self::Sequence(base, _) => base.common(),
            Self::Array(..) | Self::Record(_) => false,
        }
    }

    /// The form of one element and its extents, where an array is taken for more dimensions of what it is in.
    pub(super) fn unfolded(&self) -> (&Self, &[u64]) {
        match self {
            Self::Array(base, dimensions) => (base, dimensions),
            other => (other, &[]),
        }
    }

    /// The letter that goes with the description.
    pub(super) fn letter(&self) -> &'static str {
        if self.structured() { "V" } else { "" }
    }

    /// Writes the description.
    pub(super) fn describe(&self, out: &mut Writer) {
        match self {
            Self::Plain(code) => {
                out.str(code);
            }
            Self::Text => {
                out.str("str");
            }
            Self::Sequence(base, _) => base.describe(out),
            Self::Array(base, dimensions) => {
                out.array(2);
                base.describe(out);
                out.uints(dimensions);
            }
            Self::Record(fields) => {
                out.array(fields.len());
                for (name, form) in fields {
                    let (form, dimensions) = form.unfolded();
                    out.array(if dimensions.is_empty() { 2 } else { 3 }).str(name);
                    form.describe(out);
                    if !dimensions.is_empty() {
                        out.uints(dimensions);
                    }
                }
            }
        }
    }
}
