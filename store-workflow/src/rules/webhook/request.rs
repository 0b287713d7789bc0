//! Reading the headers of a request.

use store_core::workflow::WebhookRequest;

/// Returns every value of a header, in the order they came; names are compared without case.
pub(super) fn header_values<'r>(
    request: &'r WebhookRequest,
    name: &str,
) -> impl Iterator<Item = &'r [u8]> {
    let same = move |(other, value): &'r (String, Vec<u8>)| {
        other.eq_ignore_ascii_case(name).then_some(value.as_slice())
    };
    request.headers.iter().filter_map(same)
}

/// Returns the value of a header that came exactly once.
///
/// Which of several values counts is for the sender to say: servers and proxies disagree on it.
pub(super) fn single_header<'r>(request: &'r WebhookRequest, name: &str) -> Option<&'r [u8]> {
    let mut values = header_values(request, name);
    values.next().filter(|_only| values.next().is_none())
}
