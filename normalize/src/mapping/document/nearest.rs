//! The known name that a misspelt one most resembles.

/// ``; did you mean `x`?`` for a name that resembles a known one, else nothing.
pub(super) fn hint(name: &str, known: &[&str]) -> String {
    nearest(name, known).map_or_else(String::new, |known| format!("; did you mean `{known}`?"))
}

/// The known name within about a third of its letters.
fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let name: Vec<char> = name.chars().take(64).flat_map(char::to_lowercase).collect();
    let (distance, best) = known
        .iter()
        .map(|known| {
            let letters: Vec<char> = known.chars().flat_map(char::to_lowercase).collect();
            (distance(&name, &letters), *known)
        })
        .min_by_key(|(distance, _)| *distance)?;
    (distance <= (best.chars().count() / 3).max(1)).then_some(best)
}

/// Levenshtein's: how many letters to insert, delete or exchange.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_not() {
        let known = ["typeName", "typeMatchExpression", "values", "value"];
        for (name, expected) in [
            ("typename", Some("typeName")),
            ("typName", Some("typeName")),
            ("tpyeName", Some("typeName")),
            ("typeMatchExpresion", Some("typeMatchExpression")),
            ("valeus", Some("values")),
            ("vlaue", None),
            ("colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
        assert_eq!(hint("vales", &known), "; did you mean `values`?");
        assert_eq!(nearest("x", &[]), None);
    }
}
