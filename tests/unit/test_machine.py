"""Cores and threads: those that the process may use, within its container's quota and OMP_NUM_THREADS."""

import os

import pytest

from tunesmith import machine


@pytest.fixture
def host(monkeypatch, tmp_path):
    """A machine of 8 cores whose control groups are files below `tmp_path`."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.setattr(machine, "CGROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "OWN_CGROUPS", tmp_path / "own")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)

    def write(own, **files):
        (tmp_path / "own").write_text(own)
        for name, text in files.items():
            file = tmp_path / "cgroup" / name.replace("__", "/").replace("_DOT_", ".")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)

    return write


def test_without_a_quota_every_core_counts(host):
    assert (machine.usable_cores(), machine.cpu_quota()) == (8, None)
    host("0::/a\n", a__cpu_DOT_max="max 100000\n")
    assert (machine.usable_cores(), machine.cpu_quota()) == (8, None)


def test_the_tightest_group_around_the_process_counts(host):
    host("0::/a/b\n", a__cpu_DOT_max="250000 100000\n", a__b__cpu_DOT_max="max 100000\n", c__cpu_DOT_max="1 100000\n")
    assert (machine.usable_cores(), machine.cpu_quota()) == (2, 2.5)


def test_a_quota_below_one_leaves_one(host):
    host("0::/\n", cpu_DOT_max="50000 100000\n")
    assert (machine.usable_cores(), machine.cpu_quota()) == (1, 0.5)


def test_the_first_version_of_control_groups(host):
    host(
        "4:memory:/m\n2:cpu,cpuacct:/a\n",
        **{"cpu,cpuacct__a__cpu_DOT_cfs_quota_us": "300000\n", "cpu,cpuacct__a__cpu_DOT_cfs_period_us": "100000\n"},
    )
    assert machine.cpu_quota() == 3.0


@pytest.mark.parametrize(("asked", "threads"), [("3", 3), ("3,2", 3), ("64", 8), ("", 8), ("0", 8), ("many", 8)])
def test_threads_stay_within_what_openmp_is_asked_for(host, monkeypatch, asked, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert machine.usable_threads() == threads
    assert machine.usable_cores() == 8
