//! Whatever stops and wherever: the file is that of the last commit, or of the one under way.

use proptest::prelude::*;

use super::super::is_own;
use super::super::recover::recover_all;
use super::super::testing::{Acknowledged, Crash, Random, Scenario, SimulatedDisk, cases, scenarios};

/// After a crash: recovers, ends the leases, and looks.
fn recover_and_end(disk: &SimulatedDisk, known: &Acknowledged, what: &str) {
    for (name, found) in recover_all(disk).unwrap() {
        let writer = found.unwrap_or_else(|error| panic!("{what}: {name:?}: {error}"));
        let file = Acknowledged::found(disk);
        let size = usize::try_from(writer.size()).unwrap();
        if writer.placed && writer.is_exclusive() {
            let shown = file.map(|mut file| {
                file.truncate(size);
                file
            });
            assert!(known.allows(shown.as_ref()), "{what}: not whole after recovery");
        }
        writer.end().unwrap();
    }
    let found = Acknowledged::found(disk);
    assert!(known.allows(found.as_ref()), "{what}: not whole");
    let left: Vec<_> = disk.list().into_iter().filter(|name| is_own(name)).collect();
    assert!(
        left.iter().all(|name| name.to_string_lossy().ends_with("-stale")),
        "{what}: {left:?} left"
    );
}

/// Stops after `operation`, and gives what the client knows then.
fn stopped(scenario: &Scenario, operation: u64) -> (SimulatedDisk, Acknowledged) {
    let (disk, mut known) = scenario.disk();
    disk.stop_at(Some(operation));
    let run = scenario.run(&disk, &mut known);
    assert!(run.is_err(), "not stopped");
    drop(run);
    (disk, known)
}

fn length(scenario: &Scenario) -> u64 {
    let (disk, mut known) = scenario.disk();
    scenario.run(&disk, &mut known).unwrap();
    disk.operations()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn without_a_crash_every_commit_is_the_files_content(scenario in scenarios()) {
        let (disk, mut known) = scenario.disk();
        let writer = scenario.run(&disk, &mut known).unwrap();
        let mut content = Acknowledged::found(&disk).unwrap();
        content.truncate(usize::try_from(writer.size()).unwrap());
        prop_assert!(Some(&content) == known.content.as_ref());
        writer.end().unwrap();
        prop_assert!(Acknowledged::found(&disk) == known.content);
        prop_assert!(!disk.list().iter().any(|name| is_own(name)));
    }

    #[test]
    fn a_killed_process_leaves_whole_files(scenario in scenarios()) {
        for operation in 0..length(&scenario) {
            let (disk, known) = stopped(&scenario, operation);
            recover_and_end(&disk.crash(Crash::Process), &known, &format!("killed after {operation}"));
        }
    }

    #[test]
    fn a_killed_process_can_go_on(scenario in scenarios()) {
        for operation in 0..length(&scenario) {
            let (disk, mut known) = stopped(&scenario, operation);
            let disk = disk.crash(Crash::Process);
            // Either the same lease comes back at once, or the journals are found first.
            let found = if operation % 2 == 0 { recover_all(&disk).unwrap() } else { Vec::new() };
            drop(found);
            let done = scenario.run(&disk, &mut known);
            let writer = done.unwrap_or_else(|error| panic!("after {operation}: {error:?}"));
            writer.end().unwrap();
            prop_assert!(Acknowledged::found(&disk) == known.content);
        }
    }

    #[test]
    fn a_machine_that_stops_leaves_whole_files(scenario in scenarios(), seed in any::<u64>()) {
        let mut random = Random(seed);
        for operation in 0..=length(&scenario) {
            let (disk, mut known) = scenario.disk();
            disk.stop_at(Some(operation));
            let writer = scenario.run(&disk, &mut known);
            for _ in 0..4 {
                let crash = Crash::Machine(random.next());
                let after = disk.crash(crash);
                recover_and_end(&after, &known, &format!("machine stopped after {operation}, {crash:?}"));
                // The same while it recovers.
                let after = disk.crash(crash);
                after.stop_at(Some(random.below(12)));
                let recovered = recover_all(&after);
                let again = Crash::Machine(random.next());
                let later = after.crash(again);
                drop(recovered);
                recover_and_end(&later, &known, &format!("twice, after {operation}, {crash:?}, {again:?}"));
            }
            drop(writer);
        }
    }
}
