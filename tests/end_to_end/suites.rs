//! Other people's test suites, with every file that they make on a server: each test ends as it does with local
//! files, or a table beside this says why not.

mod api;
mod h5py;
mod left_behind;
mod pytables;
mod verdicts;

use verdicts::Verdicts;
