//! The tables are whole: no name in them leads nowhere.

use std::collections::{BTreeSet, HashMap, HashSet};

use muxhook_protocol::mux::catalogue;

const FIELDS: &str = include_str!("fields.tsv");
const TYPES: &str = include_str!("types.tsv");

fn rows(table: &str) -> impl Iterator<Item = Vec<&str>> {
    let told = table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    told.map(|line| line.split('\t').collect())
}

/// The tables hold the catalogue's types and no other, and agree on the objects.
#[test]
fn the_tables_and_the_catalogue_hold_the_same_types() {
    let tables: BTreeSet<_> = rows(TYPES).map(|row| row[..2].join(" ")).collect();
    let own = catalogue::all().map(|known| format!("{} {}", known.name, known.object.unwrap_or("-")));
    assert_eq!(tables, own.collect::<BTreeSet<_>>());
}

#[test]
fn every_field_has_the_rows_it_stands_in() {
    let mut fields = HashMap::new();
    for row in rows(FIELDS) {
        assert!(row[3] == "yes" || row[3] == "no", "{row:?}");
        assert_eq!(fields.insert((row[0], row[1].to_owned()), row[2]), None, "twice: {row:?}");
    }
    for ((schema, path), types) in &fields {
        if let Some((parent, _)) = path.rsplit_once('.') {
            // What all jobs share stands in a schema of its own.
            let own = fields.get(&(*schema, parent.to_owned()));
            let types = own.or_else(|| fields.get(&("Job", parent.to_owned())));
            assert_eq!(types, Some(&"object"), "{schema} {path}");
        }
        if let Some(list) = path.strip_suffix("[]") {
            assert_eq!(fields.get(&(*schema, list.to_owned())), Some(&"array"), "{schema} {path}");
        }
        let element = fields.contains_key(&(*schema, format!("{path}[]")));
        assert_eq!(*types == "array", element, "{schema} {path}");
    }
}

#[test]
fn every_schema_that_is_named_is_there_and_every_one_there_is_named() {
    let there: HashSet<_> = rows(FIELDS).map(|row| row[0]).collect();
    let inside = rows(FIELDS)
        .flat_map(|row| row[2].split('|').filter_map(|kind| kind.strip_prefix('@')).collect::<Vec<_>>());
    let whole = rows(TYPES).flat_map(|row| row[2].split('+').collect::<Vec<_>>());
    let named: HashSet<_> = inside.chain(whole).chain(["Envelope"]).collect();
    assert_eq!(there, named);
}
