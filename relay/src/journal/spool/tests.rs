use proptest::prelude::*;

use super::super::tests::{accepted, address, entry_of};
use super::*;

fn spool(room: u64) -> (tempfile::TempDir, Spool) {
    let dir = tempfile::tempdir().unwrap();
    let spool = Spool { room, ..Spool::new(dir.path()) };
    (dir, spool)
}

fn item(name: &str, seq: u64, size: usize) -> Item {
    let body = Bytes::from(vec![u8::try_from(seq % 251).unwrap(); size]);
    Item::Entry(Box::new(entry_of(name, seq, &body)), seq + 7)
}

fn told(item: &Item) -> (u64, Bytes) {
    match item {
        Item::Entry(entry, at) => {
            assert_eq!(*at, entry.seq + 7);
            (entry.seq, entry.body())
        }
        Item::Note(_) => panic!("a note"),
    }
}

fn all(spool: &mut Spool, most: usize) -> Vec<Item> {
    let mut found = Vec::new();
    while !spool.is_empty() {
        let mut page = spool.read(most).unwrap();
        found.append(&mut page.items);
        spool.taken(&page);
    }
    found
}

#[test]
fn what_is_known_of_a_delivery_comes_back() {
    let (_dir, mut spool) = spool(ROOM);
    let Item::Entry(mut entry, at) = item("one", 9, 2_000_000) else { unreachable!() };
    entry.handed = 3;
    entry.attempts = vec![Attempt {
        at: 5,
        took_ms: 6,
        session: 7,
        tried: super::super::Tried::Failed("refused".into(), "nobody".into()),
        late: true,
        replayed: true,
    }];
    let note = accepted(9);
    let items = vec![Item::Entry(entry.clone(), at), Item::Note(note.clone())];
    assert_eq!(spool.append(items.into_iter(), ROOM).unwrap(), 0);
    let found = all(&mut spool, 10);
    let [Item::Entry(back, at), Item::Note(same)] = &found[..] else { panic!("{}", found.len()) };
    assert_eq!((*at, back.address.clone(), back.id, back.seq), (16, address("one"), entry.id, 9));
    assert_eq!((back.received_at, back.answered, back.handed), (entry.received_at, entry.answered, 3));
    assert_eq!((&back.attempts, back.head(), back.body()), (&entry.attempts, entry.head(), entry.body()));
    assert_eq!(*same, note);
}

#[test]
fn what_finds_no_room_is_left_out_and_there_is_room_again_when_something_was_taken() {
    let (_dir, mut spool) = spool(4000);
    assert_eq!(spool.append((1..=9).map(|seq| item("one", seq, 600)), ROOM).unwrap(), 6);
    assert!(spool.fills_up());
    let page = spool.read(2).unwrap();
    spool.taken(&page);
    assert_eq!(spool.append((10..=12).map(|seq| item("one", seq, 600)), ROOM).unwrap(), 1);
    let seqs: Vec<_> = all(&mut spool, 3).iter().map(|item| told(item).0).collect();
    assert_eq!(seqs, [3, 10, 11]);
}

#[test]
fn no_more_is_appended_than_the_disk_has_room_for() {
    let (_dir, mut spool) = spool(ROOM);
    assert_eq!(spool.append((1..=9).map(|seq| item("one", seq, 600)), 4000).unwrap(), 6);
    assert_eq!(spool.append([item("one", 10, 600)].into_iter(), 0).unwrap(), 1);
    let seqs: Vec<_> = all(&mut spool, 9).iter().map(|item| told(item).0).collect();
    assert_eq!(seqs, [1, 2, 3]);
}

#[test]
fn what_was_forgotten_does_not_come_back_and_what_comes_after_does() {
    let (_dir, mut spool) = spool(ROOM);
    spool.append([item("one", 1, 5), item("two", 2, 5)].into_iter(), ROOM).unwrap();
    spool.forget(&address("one"));
    spool.append([item("one", 3, 5)].into_iter(), ROOM).unwrap();
    let seqs: Vec<_> = all(&mut spool, 10).iter().map(|item| told(item).0).collect();
    assert_eq!(seqs, [2, 3]);
    assert!(spool.forgotten.is_empty());
}

#[test]
fn damage_is_told_and_no_other_bytes_are_given() {
    for at in 0..400 {
        let (_dir, mut spool) = spool(ROOM);
        spool.append([item("one", 1, 5), item("one", 2, 5)].into_iter(), ROOM).unwrap();
        let mut file = spool.file.as_ref().unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        let mut byte = [0];
        file.read_exact(&mut byte).unwrap();
        file.seek(SeekFrom::Start(at)).unwrap();
        file.write_all(&[byte[0] ^ 0x10]).unwrap();
        match spool.read(1) {
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::InvalidData),
            Ok(page) => assert_eq!(told(&page.items[0]), told(&item("one", 1, 5)), "at {at}"),
        }
    }
}

#[test]
fn the_file_has_no_name() {
    let (dir, mut spool) = spool(ROOM);
    spool.append([item("one", 1, 5)].into_iter(), ROOM).unwrap();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

proptest! {
    /// Whatever is put in and taken out by turns, in whatever sizes: it comes out in order and as it was.
    #[test]
    fn all_comes_out_as_it_went_in(steps in proptest::collection::vec((1_usize..5, 0_usize..900, 0_usize..6), 1..40)) {
        let (_dir, mut spool) = spool(8000);
        let (mut next, mut waiting) = (0, std::collections::VecDeque::new());
        for (count, size, take) in steps {
            for _ in 0..count {
                next += 1;
                if spool.append([item("one", next, size)].into_iter(), ROOM).unwrap() == 0 {
                    waiting.push_back((next, size));
                }
            }
            if take > 0 && !spool.is_empty() {
                let page = spool.read(take).unwrap();
                for found in &page.items {
                    let (seq, size) = waiting.pop_front().unwrap();
                    prop_assert_eq!(told(found), told(&item("one", seq, size)));
                }
                spool.taken(&page);
            }
        }
        let rest: Vec<_> = all(&mut spool, 7).iter().map(|item| told(item).0).collect();
        prop_assert_eq!(rest, waiting.iter().map(|(seq, _)| *seq).collect::<Vec<_>>());
        prop_assert_eq!(spool.entries, 0);
    }
}
