//! Random programs against plain memory.

use proptest::prelude::*;

use super::*;
use crate::protocol::ErrorKind;
use crate::testing::Fault;
use crate::transport::Failure;

#[derive(Debug, Clone)]
enum Step {
    Write(bool, u64, usize, u8),
    Size(u64),
    Read(u64, usize),
    /// A commit whose next requests fail, by the kind of each failure.
    Commit(Vec<u8>),
    Ordered(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (any::<bool>(), 0..40_000u64, 0..9000usize, any::<u8>())
            .prop_map(|(raw, at, length, byte)| Step::Write(raw, at, length, byte)),
        2 => (0..50_000u64).prop_map(Step::Size),
        3 => (0..50_000u64, 0..9000usize).prop_map(|(at, length)| Step::Read(at, length)),
        3 => prop::collection::vec(0..5u8, 0..6).prop_map(Step::Commit),
        1 => any::<bool>().prop_map(Step::Ordered),
    ]
}

fn fault(kind: u8) -> Fault {
    match kind {
        0 => Fault::Lost,
        // Carried out, but the answer never comes.
        1 => Fault::Cut(1),
        2 => Fault::Refused(507, ErrorKind::NoSpace),
        3 => Fault::Fails(Failure::Tls("no".to_owned())),
        _ => Fault::None,
    }
}

fn bytes(length: usize, byte: u8) -> Vec<u8> {
    (0..length)
        .map(|at| byte.wrapping_add((at % 251) as u8))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn it_is_as_a_local_file(
        steps in prop::collection::vec(step(), 1..40),
        existing in any::<bool>(),
        memory in prop::sample::select(vec![0u64, 4000, 20_000, 1 << 20]),
        base in 0..30_000usize,
    ) {
        let mut place = if existing { Place::new(bytes(base, 7)) } else { Place::empty() };
        place.settings.write_memory = memory;
        place.settings.retries = 0;
        let file = place.open(if existing { Begin::Existing } else { Begin::Create }).unwrap();
        let mut model = place.content();
        // What the server may have: the model at each commit since the last that was answered.
        let mut possible = vec![model.clone()];
        for step in steps {
            match step {
                Step::Write(raw, at, length, byte) => {
                    let class = if raw { Class::Raw } else { Class::Metadata };
                    let bytes = bytes(length, byte);
                    file.write_vector(&[(class, at, &bytes)]).unwrap();
                    if length > 0 {
                        let end = at as usize + length;
                        model.resize(model.len().max(end), 0);
                        model[at as usize..end].copy_from_slice(&bytes);
                    }
                }
                Step::Size(size) => {
                    file.set_size(size);
                    model.resize(size as usize, 0);
                }
                Step::Read(at, length) => {
                    let mut expected: Vec<u8> = model.iter().skip(at as usize).take(length).copied().collect();
                    expected.resize(length, 0);
                    prop_assert!(read(&file, at, length) == expected);
                }
                Step::Commit(faults) => {
                    place.memory.edit(|state| state.faults = faults.into_iter().map(fault).collect());
                    possible.push(model.clone());
                    let result = file.commit();
                    place.memory.edit(|state| state.faults.clear());
                    if result.is_ok() {
                        possible = vec![model.clone()];
                    }
                }
                Step::Ordered(on) => file.set_ordered(on),
            }
            prop_assert_eq!(file.size(), model.len() as u64);
            let content = place.content();
            let written = place.memory.edit(|state| !state.version.is_empty());
            prop_assert!(!written || possible.contains(&content));
        }
        file.close().unwrap();
        prop_assert!(place.content() == model);
    }
}
