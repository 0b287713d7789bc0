//! Enums that are stored as words.

/// Declares an enum whose variants are stored, shown and parsed as words.
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident of $field:literal {
            $( $(#[$variant_meta:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )+
        }

        impl $name {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$( Self::$variant, )+];

            /// Returns the word that is stored.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $( Self::$variant => $word, )+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Error;

            fn from_str(text: &str) -> Result<Self, $crate::Error> {
                let of_that_word = |one: &&Self| one.as_str() == text;
                Self::ALL.iter().find(of_that_word).copied().ok_or_else(|| {
                    let words: Vec<_> = Self::ALL.iter().map(|one| one.as_str()).collect();
                    $crate::Error::invalid($field, format!("is none of {}", words.join(", ")))
                })
            }
        }
    };
}

pub(crate) use words;
