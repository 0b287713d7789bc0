use std::fmt;

/// Why a caller was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    /// The request lacks what it must have (HTTP 400).
    Malformed,
    /// Who the caller is was not proved (HTTP 401).
    Unauthenticated,
    /// The caller is known and may not (HTTP 403).
    Forbidden,
    /// This method is not offered (HTTP 405).
    MethodNotAllowed,
    /// The request is understood and makes no sense here (HTTP 422).
    Unprocessable,
    /// Too many requests (HTTP 429).
    RateLimited,
}

impl Denial {
    /// Returns the HTTP status that says the same.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::MethodNotAllowed => 405,
            Self::Unprocessable => 422,
            Self::RateLimited => 429,
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the request is malformed",
            Self::Unauthenticated => "authentication is required",
            Self::Forbidden => "this is not allowed",
            Self::MethodNotAllowed => "this method is not allowed",
            Self::Unprocessable => "the request cannot be processed",
            Self::RateLimited => "too many requests, try again later",
        })
    }
}
