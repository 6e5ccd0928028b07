"""Limits of control groups, of both versions, are found however deep the process lies."""

import gc
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse import machine

GIB = 1024**3


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "ascii")


def member(tmp_path: Path, *lines: str) -> Path:
    put(tmp_path / "self", "\n".join(lines))
    return tmp_path / "self"


def test_a_limit_of_version_2(groups: Path, tmp_path: Path) -> None:
    put(groups / "a/b/memory.max", "max")
    put(groups / "a/memory.max", f"{GIB}")
    put(groups / "a/cpu.max", "100000 100000")
    inside = member(tmp_path, "0::/a/b")
    assert machine.memory_bytes(groups, inside) == GIB
    assert machine.cores(groups, inside) == 1


def test_a_limit_of_version_1(groups: Path, tmp_path: Path) -> None:
    put(groups / "memory/a/memory.limit_in_bytes", f"{GIB}")
    put(groups / "memory/memory.limit_in_bytes", "9223372036854771712")
    put(groups / "cpu/a/cpu.cfs_quota_us", "50000")
    put(groups / "cpu/a/cpu.cfs_period_us", "100000")
    inside = member(tmp_path, "4:memory:/a", "3:cpu,cpuacct:/a", "0::/")
    assert machine.memory_bytes(groups, inside) == GIB
    assert machine.cores(groups, inside) == 1


def test_in_a_container_the_root_has_the_limit(groups: Path, tmp_path: Path) -> None:
    put(groups / "memory.max", f"{GIB}")
    assert machine.memory_bytes(groups, member(tmp_path, "0::/of/the/host")) == GIB


def test_without_limits_it_is_the_machine(groups: Path, tmp_path: Path) -> None:
    put(groups / "memory.max", "max")
    put(groups / "cpu.max", "max 100000")
    put(groups / "cpu/cpu.cfs_quota_us", "-1")
    put(groups / "cpu/cpu.cfs_period_us", "100000")
    inside = member(tmp_path, "0::/", "3:cpu:/")
    assert machine.memory_bytes(groups, inside) > GIB
    assert machine.cores(groups, inside) >= 1
    assert machine.memory_bytes(groups, tmp_path / "none") > GIB


@pytest.mark.parametrize(("limit", "names"), [(2 * GIB, ["DUCKDB_JE_MALLOC_CONF"]), (8 * GIB, [])])
def test_freed_memory_is_returned_at_once_where_it_is_short(
    groups: Path, tmp_path: Path, limit: int, names: list[str]
) -> None:
    put(groups / "memory.max", f"{limit}")
    environment: dict[str, str] = {}
    machine.return_memory_where_it_is_short(environment, groups, member(tmp_path, "0::/"))
    assert list(environment) == names


def test_the_option_is_said_before_duckdb_is_loaded() -> None:
    code = (
        "import sys, pipelines.cli; "
        "sys.exit({'duckdb', 'warehouse'} & {*sys.modules} != {'warehouse'})"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - own code


def test_garbage_is_looked_for_again_once_all_is_loaded() -> None:
    machine.load_without_looking_for_garbage()
    assert not gc.isenabled()
    machine.look_for_garbage_seldom()
    assert gc.isenabled()
