//! Paging marks: where the last page ended, and for which search.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use xxhash_rust::xxh3::xxh3_64;

use crate::backend::Position;

/// Effective time, a hash of the search, and the opaque id of the last Observation.
pub(super) fn encode(position: &Position, search: &str) -> String {
    let mut bytes = position.effective.to_le_bytes().to_vec();
    bytes.extend_from_slice(&xxh3_64(search.as_bytes()).to_le_bytes());
    bytes.extend_from_slice(position.id.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The position, when the mark belongs to this search.
pub(super) fn decode(mark: &str, search: &str) -> Option<Position> {
    let bytes = URL_SAFE_NO_PAD.decode(mark).ok()?;
    let (effective, rest) = bytes.split_first_chunk::<8>()?;
    let (hash, id) = rest.split_first_chunk::<8>()?;
    if u64::from_le_bytes(*hash) != xxh3_64(search.as_bytes()) {
        return None;
    }
    let id = std::str::from_utf8(id)
        .ok()
        .filter(|id| crate::params::is_id(id))?;
    Some(Position {
        effective: i64::from_le_bytes(*effective),
        id: id.to_owned(),
    })
}

/// Longest mark of the backend's taken back.
const MAX_MARK: usize = 256;

/// The backend's own mark, bound to the search.
pub(super) fn encode_mark(mark: &str, search: &str) -> String {
    let mut bytes = xxh3_64(search.as_bytes()).to_le_bytes().to_vec();
    bytes.extend_from_slice(mark.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The backend's mark, when it belongs to this search.
pub(super) fn decode_mark(mark: &str, search: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(mark).ok()?;
    let (hash, mark) = bytes.split_first_chunk::<8>()?;
    let plain = |byte: &u8| byte.is_ascii_graphic();
    if u64::from_le_bytes(*hash) != xxh3_64(search.as_bytes())
        || mark.len() > MAX_MARK
        || !mark.iter().all(plain)
    {
        return None;
    }
    String::from_utf8(mark.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn belongs_to_its_search() {
        let position = Position {
            effective: -5,
            id: "0ABC".into(),
        };
        let mark = encode(&position, "patient=p1");
        assert_eq!(decode(&mark, "patient=p1"), Some(position));
        assert_eq!(decode(&mark, "patient=p2"), None);
        assert_eq!(decode("AAAA", "patient=p1"), None);
        assert_eq!(decode("", ""), None);
    }

    #[test]
    fn a_mark_of_the_backend_belongs_to_its_search() {
        let mark = encode_mark("-5/0ABC", "Task?patient=p1");
        assert_eq!(
            decode_mark(&mark, "Task?patient=p1").as_deref(),
            Some("-5/0ABC")
        );
        assert_eq!(decode_mark(&mark, "Flag?patient=p1"), None);
        let control = encode_mark("a\nb", "Task?");
        assert_eq!(decode_mark(&control, "Task?"), None);
        assert_eq!(decode_mark("AAAA", "Task?"), None);
    }
}
