"""How long a million station-hours of air take, from files to the days of a city.

    python bench/air.py --stations 12 --folder bench/results/air

Writes hours of made-up stations, one file a month for ten years (87,672 hours a station, so twelve
stations are 1.05 million), and takes them through one night in a home of their own. Told are the
whole night, as a process with its start-up, checks and release, and its stages for air alone.
"""

import argparse
import json
import resource
import shutil
import sys
from collections import Counter
from pathlib import Path

import duckdb
from measured import measure

HERE = Path(__file__).resolve().parent
SOURCE = "city_air"
FIRST, LAST = "2015-01-01", "2024-12-31"
HOURS = """
    SELECT '330782' AS "城市代码", 'S' || station AS "点位编号", '点位' || station AS "点位名称",
        strftime(day, '%Y-%m-%d') AS "日期", hour + 1 AS "时",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 1 + station) % 120 AS "PM2.5",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 2 + station) % 120 AS "PM10",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 3 + station) % 120 AS "SO2",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 4 + station) % 120 AS "NO2",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 5 + station) % 4 AS "CO",
        (hour * 7 + epoch(day)::BIGINT // 86400 * 6 + station) % 120 AS "O3"
    FROM range($stations) AS a(station), generate_series($first::DATE, $last::DATE,
        INTERVAL 1 DAY) AS b(day), range(24) AS c(hour)
"""


def write_hours(home: Path, stations: int) -> int:
    """One file a month in landing, received on the first day of the next; returns the rows."""
    with duckdb.connect() as con:
        given = {"stations": stations, "first": FIRST, "last": LAST}
        con.execute(f"CREATE TABLE hours AS {HOURS}", given)
        months = con.sql("""SELECT DISTINCT "日期"[:7] FROM hours ORDER BY ALL""").fetchall()
        for (month,) in months:
            year, number = map(int, month.split("-"))
            day = f"{year + number // 12}-{number % 12 + 1:02d}-01"
            folder = home / "landing" / SOURCE / day
            folder.mkdir(parents=True)
            con.sql(
                """SELECT * FROM hours WHERE "日期"[:7] = $month""", params={"month": month}
            ).write_csv(str(folder / f"空气质量小时值_{month}.csv"))
        return con.sql("SELECT count(*) FROM hours").fetchall()[0][0]


def seconds_by_stage(file: Path) -> Counter[str]:
    """Seconds of each stage that works on air."""
    told: Counter[str] = Counter()
    for line in file.read_text("utf-8").splitlines():
        stage = json.loads(line)
        if "air" in stage["what"]:
            told[stage["stage"]] += stage["seconds"]
    return told


def main() -> None:
    """Write, run one night, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stations", type=int, default=12)
    parser.add_argument("--folder", type=Path, default=HERE / "results" / "air")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    home, stages = arguments.folder / "home", arguments.folder / "stages.jsonl"
    rows = write_hours(home, arguments.stations)
    command = [str(Path(sys.executable).with_name("samplehouse")), "nightly"]
    environment = {"SAMPLEHOUSE_HOME": str(home), "SAMPLEHOUSE_STAGES": str(stages)}
    night = measure(command, environment, HERE.parent, arguments.folder / "night.log")
    with duckdb.connect(str(home / "release" / "samplehouse.duckdb"), read_only=True) as con:
        days = con.sql("SELECT count(*) FROM fact.air_city_day WHERE is_in_force").fetchall()[0][0]
    print(f"{rows:,} station-hours, {days:,} days of the city, exit code {night.exit_code}")
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(
        f"whole night: {night.seconds:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processor "
        f"time, {night.peak_gib:.2f} GiB at its peak"
    )
    for name, seconds in seconds_by_stage(stages).items():
        print(f"  {name}: {seconds:.1f} s")


if __name__ == "__main__":
    main()
