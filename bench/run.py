"""Run Samplehouse, the floor and dbt on the same work, in turn, and tell how they compare.

    python bench/run.py --samples 1000000 --repeat 3

Cases: `full` (all deliveries, from nothing), `delta` (one new delivery after those), `nothing`
(nothing new; only Samplehouse has something to do then). Whole processes are timed, start-up
included; what prepares a case is not. Every output is compared with the truth.
"""

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from compare import differences
from export import SOURCE, export
from measured import Measured, measure

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
RESULTS = HERE / "results"
PEERS = ("samplehouse", "floor", "dbt")
CASES = ("full", "delta", "nothing")
DBT = ("dbt-core==1.12.0", "dbt-duckdb==1.11.1", "duckdb==1.5.6")
# Samplehouse says 1 where a release was published and something wants a look, such as a warning.
WELL = {"samplehouse": (0, 1), "floor": (0,), "dbt": (0,)}


@dataclass(frozen=True)
class Bench:
    """One size: where its feed, states and outputs lie."""

    samples: int
    days: int
    root: Path

    @property
    def feed(self) -> Path:
        """Deliveries and truths."""
        return self.root / str(self.samples)

    def output(self, peer: str) -> Path:
        """What a peer writes: a home of Samplehouse, or a DuckDB file."""
        return self.root / "out" / f"{peer}-{self.samples}"

    def state(self, peer: str) -> Path:
        """The output of the full case, kept for the others."""
        return self.root / "state" / f"{peer}-{self.samples}"

    def truth(self, case: str) -> Path:
        """What must come out of a case."""
        return self.feed / ("truth_after.json" if case == "delta" else "truth_base.json")


def set_up(bench: Bench) -> None:
    """Make what is missing: the feed, and dbt's own environment."""
    if not (bench.feed / "truth_after.json").is_file():
        command = [sys.executable, str(HERE / "feed.py"), "--samples", str(bench.samples)]
        command += ["--days", str(bench.days), "--out", str(bench.feed)]
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        subprocess.run(command, check=True, env=environment)  # noqa: S603 - own script
    dbt = bench.root / "venv-dbt"
    if not (dbt / "bin" / "dbt").is_file():
        uv = os.environ.get("UV", "uv")
        subprocess.run([uv, "venv", "-q", "--python", "3.11", str(dbt)], check=True)  # noqa: S603 - tool of the project
        install = [uv, "pip", "install", "-q", "--only-binary", ":all:", "--python"]
        subprocess.run([*install, str(dbt / "bin" / "python"), *DBT], check=True)  # noqa: S603 - as above


# -- before the clock starts


def prepare(bench: Bench, peer: str, case: str) -> None:
    """Lay out what a peer finds: nothing and the deliveries, or the state of the day before."""
    output = bench.output(peer)
    _remove(output)
    output.parent.mkdir(parents=True, exist_ok=True)
    if case != "full":
        _copy(bench.state(peer), output)
    if peer == "samplehouse" and case != "nothing":
        _land(bench.feed / ("base" if case == "full" else "delta"), output)


def _land(folder: Path, home: Path) -> None:
    """Put deliveries in landing under the day of their name; links, since nobody changes them."""
    for file in sorted(folder.glob("*.csv")):
        day = file.stem.rpartition("_")[2]
        target = home / "landing" / SOURCE / f"{day[:4]}-{day[4:6]}-{day[6:]}" / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(file, target)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
    else:
        shutil.copyfile(source, target)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


# -- the clock


def run(bench: Bench, peer: str, case: str) -> Measured:
    """Time one peer on one case.

    Raises:
        SystemExit: it failed; its log says why.
    """
    prepare(bench, peer, case)
    log = bench.root / "out" / f"{peer}-{bench.samples}-{case}.log"
    command, environment, folder = _command(bench, peer, case)
    found = measure(command, environment, folder, log)
    if peer == "samplehouse":  # stages count their peaks anew, which hides them from the clock
        highest = max(peaks(stages_file(bench, case)).values(), default=0) / 1024
        found = replace(found, peak_gib=max(found.peak_gib, highest))
    if found.exit_code not in WELL[peer]:
        sys.exit(f"{peer} failed at {case} with exit code {found.exit_code}; see {log}")
    return found


def _command(bench: Bench, peer: str, case: str) -> tuple[list[str], dict[str, str], Path]:
    output, base, delta = bench.output(peer), bench.feed / "base", bench.feed / "delta"
    if peer == "samplehouse":
        environment = {
            "SAMPLEHOUSE_HOME": str(output),
            "SAMPLEHOUSE_STAGES": str(stages_file(bench, case)),
        }
        return [str(Path(sys.executable).with_name("samplehouse")), "nightly"], environment, PROJECT
    if peer == "floor":
        feed = ["--append", "--feed", str(delta)] if case == "delta" else ["--feed", str(base)]
        return [sys.executable, str(HERE / "floor.py"), *feed, "--db", str(output)], {}, PROJECT
    work = bench.root / "out" / "dbt-work"
    environment = {
        "BENCH_DB": str(output),
        "BENCH_FEED": f"{base},{delta}" if case == "delta" else str(base),
        "DBT_TARGET_PATH": str(work),
        "DBT_LOG_PATH": str(work),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    }
    dbt = bench.root / "venv-dbt" / "bin" / "dbt"
    return [str(dbt), "build", "--profiles-dir", "."], environment, HERE / "dbt"


def stages_file(bench: Bench, case: str) -> Path:
    """Where Samplehouse tells of its stages."""
    return bench.root / "out" / f"stages-{bench.samples}-{case}.jsonl"


def judge(bench: Bench, peer: str, case: str) -> str:
    """Compare an output with the truth; in words."""
    db = bench.output(peer)
    if peer == "samplehouse":
        db = bench.root / "out" / f"samplehouse-{bench.samples}.duckdb"
        export(bench.output(peer), db)
    compared, wrong = differences(db, bench.truth(case))
    return (
        f"{compared:,} figures agree"
        if not wrong
        else f"{len(wrong)} of {compared:,} differ: {wrong[0]}"
    )


# -- the account


def rounds(bench: Bench, peers: list[str], case: str, repeat: int) -> dict[str, list[Measured]]:
    """Every peer once in each round, so that a slow minute of the machine is shared."""
    found: dict[str, list[Measured]] = {peer: [] for peer in peers}
    for number in range(repeat):
        stages_file(bench, case).unlink(missing_ok=True)
        for peer in peers:
            found[peer].append(run(bench, peer, case))
            print(
                f"  {case} {number + 1}/{repeat} {peer}: {found[peer][-1].seconds:.2f} s",
                flush=True,
            )
    return found


def summary(found: dict[str, list[Measured]], truths: dict[str, str]) -> dict[str, object]:
    """Medians, peaks and the median of the ratios to the floor of the same round."""
    floor = found.get("floor")
    return {
        peer: {
            "seconds": round(statistics.median(each.seconds for each in runs), 3),
            "peak_gib": round(max(each.peak_gib for each in runs), 3),
            "ratio_to_floor": round(
                statistics.median(
                    each.seconds / base.seconds for each, base in zip(runs, floor, strict=True)
                ),
                3,
            )
            if floor
            else None,
            "runs": [round(each.seconds, 3) for each in runs],
            "truth": truths[peer],
        }
        for peer, runs in found.items()
    }


def stages(path: Path) -> dict[str, float]:
    """Seconds by stage of the last run; empty where no stages were told."""
    if not path.is_file():
        return {}
    totals: dict[str, float] = {}
    for line in path.read_text("utf-8").splitlines():
        told = json.loads(line)
        totals[told["stage"]] = totals.get(told["stage"], 0.0) + told["seconds"]
    return {name: round(seconds, 3) for name, seconds in totals.items()}


def peaks(path: Path) -> dict[str, int]:
    """MiB at the highest by stage of the last run; empty where no stages were told."""
    if not path.is_file():
        return {}
    highest: dict[str, int] = {}
    for line in path.read_text("utf-8").splitlines():
        told = json.loads(line)
        highest[told["stage"]] = max(highest.get(told["stage"], 0), told["peak_mib"] or 0)
    return highest


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages / 2**30, 1),
        "python": platform.python_version(),
        "system": platform.platform(),
    }


def show(report: dict[str, object]) -> None:
    """Print the one table, and where Samplehouse's time went."""
    print(f"\n{'case':9}{'peer':13}{'seconds':>9}{'peak GiB':>10}{'ratio':>8}  truth")
    for case, told in report["cases"].items():  # type: ignore[attr-defined] # our own report
        for peer, row in told["peers"].items():
            ratio = f"{row['ratio_to_floor']:.2f}" if row["ratio_to_floor"] else "-"
            print(
                f"{case:9}{peer:13}{row['seconds']:9.2f}{row['peak_gib']:10.2f}{ratio:>8}"
                f"  {row['truth']}"
            )
        if told["stages"]:
            parts = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in told["stages"].items())
            print(f"{'':9}stages of samplehouse, in its last run: {parts}")
            parts = ", ".join(f"{name} {mib} MiB" for name, mib in told["stage_peaks_mib"].items())
            print(f"{'':9}at their highest: {parts}")


def main() -> None:
    """Parse the command line, run the cases, keep and show the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100_000)
    parser.add_argument("--days", type=int, help="365, or 10 below 100,000 samples")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=list(PEERS))
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--root", type=Path, default=HERE / "data", help="where the data lies")
    options = parser.parse_args()
    days = options.days or (365 if options.samples >= 100_000 else 10)  # noqa: PLR2004 - a year
    bench = Bench(options.samples, days, options.root.resolve())
    set_up(bench)
    cases: dict[str, object] = {}
    for case in dict.fromkeys(["full", *options.cases]):
        peers = [peer for peer in options.peers if case != "nothing" or peer == "samplehouse"]
        found = rounds(bench, peers, case, options.repeat)
        truths = {peer: judge(bench, peer, case) for peer in peers}
        told = stages_file(bench, case)
        cases[case] = {
            "peers": summary(found, truths),
            # Of the last of the runs, where the seconds above are the median of all.
            "stages": stages(told),
            "stage_peaks_mib": peaks(told),
        }
        if case == "full":
            for peer in peers:
                _remove(bench.state(peer))
                bench.state(peer).parent.mkdir(parents=True, exist_ok=True)
                _copy(bench.output(peer), bench.state(peer))
    report: dict[str, object] = {
        "samples": options.samples,
        "days": days,
        "machine": machine(),
        "cases": cases,
    }
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps(report, ensure_ascii=False, indent=2)
    (RESULTS / "latest.json").write_text(text, "utf-8")
    (RESULTS / f"{options.samples}.json").write_text(text, "utf-8")
    show(report)


if __name__ == "__main__":
    main()
