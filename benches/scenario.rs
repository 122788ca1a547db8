//! A whole scenario over each transport: `cargo bench --bench scenario`.

use std::path::Path;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use tagspace::internals::sim::scenario::Scenario;
use tagspace::internals::sim::{Options, Transport, run_scenario};

fn transports(c: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/medium.toml");
    let scenario = Scenario::read(&path, &[]).unwrap_or_else(|problem| panic!("{problem}"));
    let mut group = c.benchmark_group("medium");
    group.sample_size(20);
    group.throughput(Throughput::Elements(100));
    for (name, transport) in [("wire", Transport::Wire), ("direct", Transport::Direct)] {
        let options = Options { transport, ..Options::default() };
        group.bench_function(name, |b| {
            b.iter(|| run_scenario(&scenario, &options).unwrap_or_else(|error| panic!("{error}")));
        });
    }
    group.finish();
}

criterion_group!(scenario, transports);
criterion_main!(scenario);
