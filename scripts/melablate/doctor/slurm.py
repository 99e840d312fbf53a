"""Slurm: does it answer, are account and partitions known, and do the requests fit them."""

import getpass
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from .findings import Finding, failure, ok, unknown, warning
from .nodes import nodes_of
from .patient import Patient, Request
from .tools import Answer, ask, present

PROFILE = "profiles/slurm/config.yaml"
PREFIX = re.compile(r"^(sbatch: )?(error: )?(allocation failure: )?")
AGE = 200
"""Seconds that squeue must know an ended job for; the profile says so."""


def check(patient: Patient) -> Iterator[Finding]:
    """Nothing where jobs do not go to Slurm; no job is submitted."""
    if not patient.site.slurm:
        yield ok("not used: jobs run on this machine")
        return
    if not present("sbatch") or not (answer := ask("scontrol", "ping")).good:
        said = answer.complaint if present("sbatch") else "no sbatch in PATH"
        why, mend = (
            "jobs cannot be submitted",
            "scontrol ping   # on a login node; else ask the site",
        )
        yield failure(f"Slurm does not answer: {said}", why, mend)
        return
    yield ok("it answers")
    yield from accounts(patient.site.requests)
    known = partitions()
    yield from named(patient.site.requests, known)
    yield from limits(patient.site.requests, known)
    yield from partition_file(patient, known)
    yield from accepted(patient.site.requests, known)
    config = ask("scontrol", "show", "config").out
    yield from preemption(patient.site.requests, known, config)
    yield from status(patient.site.settings, config)


def accounts(requests: Iterable[Request]) -> Iterator[Finding]:
    """Those that jobs name, among the user's own."""
    user, wanted = getpass.getuser(), {one.word("slurm_account") for one in requests} - {""}
    query = ("list", "associations", f"user={user}", "format=account")
    answer = ask("sacctmgr", "--noheader", "--parsable2", *query)
    mine = set(filter(None, answer.out.split("\n"))) if answer.good else set()
    show = f"sacctmgr show associations user={user} format=account"
    if not mine:
        said = "" if answer.good else f" ({answer.complaint})"
        yield unknown(f"the accounts of {user} cannot be told from here{said}", show)
        return
    for account in sorted(wanted - {name.lower() for name in mine} - mine):
        mend = f"slurm_account: {sorted(mine)[0]}   # in {PROFILE}; {show}"
        yield failure(
            f"account {account}: not one of yours ({', '.join(sorted(mine))})",
            "Slurm refuses its jobs, and they cannot be paid for",
            mend,
        )
    if not wanted and len(mine) > 1:
        why = "jobs are paid for by your default account, which may be another than you mean"
        yield warning(f"no account is named, and you have {', '.join(sorted(mine))}", why,
                      f"slurm_account: …   # in {PROFILE}")  # fmt: skip
    elif wanted <= mine:
        yield ok(f"account {', '.join(sorted(wanted)) or ', '.join(mine)}")


def partitions() -> dict[str, dict[str, str]]:
    """Every partition's own words (`scontrol show partition`)."""
    found = {}
    for line in ask("scontrol", "show", "partition", "--oneliner").out.splitlines():
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        if "PartitionName" in words:
            found[words["PartitionName"]] = words
    return found


def named(requests: Iterable[Request], known: Mapping[str, Mapping[str, str]]) -> Iterator[Finding]:
    """Partitions that jobs name: there, up, and open to their account."""
    asked: dict[tuple[str, str], list[str]] = {}
    for one in requests:
        for name in filter(None, one.word("slurm_partition").split(",")):
            asked.setdefault((name, one.word("slurm_account")), []).append(one.rule)
    for (name, account), rules in asked.items():
        what, mend = f"partition {name} ({_some(rules)})", f"slurm_partition: …   # in {PROFILE}"
        if name not in known:
            why = "Slurm refuses jobs for it"
            yield failure(f"{what}: not there; known: {', '.join(known)}", why, mend)
            continue
        if known[name].get("State", "UP") != "UP":
            why = "jobs wait there until it is up again"
            yield warning(f"{what} is {known[name]['State']}", why, f"sinfo -p {name}; {mend}")
        allowed = known[name].get("AllowAccounts", "ALL").split(",")
        if account and allowed != ["ALL"] and account not in allowed:
            why = "Slurm refuses jobs of other accounts"
            yield failure(f"{what}: open to {', '.join(allowed)}, not to {account}", why, mend)


def limits(
    requests: Iterable[Request], known: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Time, memory, cores and GPUs of the first and the last try against each partition."""
    fine = True
    for one, name in _asked(requests, known):
        if name not in known:  # said already; or nothing is named, and Slurm has no default
            fine = False
            continue
        for what, most, unit, key in _limits(name, known[name]):
            first, last = one.number(key), one.number(key, last=True)
            if key == "gpus":
                first = last = one.gpus
            if most and last > most:
                fine = False
                yield _over(one.rule, name, what, (first, last, most), unit)
    if fine and known:
        yield ok("time, memory, cores and GPUs of every rule are within its partition's limits")


def _asked(
    requests: Iterable[Request], known: Mapping[str, Mapping[str, str]]
) -> Iterator[tuple[Request, str]]:
    """Each request with each partition that it names, or Slurm's default."""
    default = next((name for name, own in known.items() if own.get("Default") == "YES"), "")
    for one in requests:
        for name in (one.word("slurm_partition") or default).split(","):
            yield one, name


def _limits(name: str, own: Mapping[str, str]) -> list[tuple[str, int, str, str]]:
    nodes = nodes_of(name)
    memory = max((node.megabytes for node in nodes), default=0)
    if own.get("MaxMemPerNode", "").isdecimal():
        memory = min(memory, int(own["MaxMemPerNode"]))
    return [
        ("run time", minutes(own.get("MaxTime", "UNLIMITED")), "min", "runtime"),
        ("memory", memory, "MB", "mem_mb"),
        ("cores", max((node.cores for node in nodes), default=0), "cores", "_cores"),
        ("GPUs", max((sum(g.count for g in n.gpus) for n in nodes), default=0), "GPUs", "gpus"),
    ]


def _over(rule: str, name: str, what: str, numbers: tuple[int, int, int], unit: str) -> Finding:
    first, last, most = numbers
    mend = f"slurm_partition: …   # in {PROFILE}"
    if unit in ("min", "MB"):
        key = "runtime" if unit == "min" else "mem_mb"
        mend = f"set-resources: {{{rule}: {{{key}: {most}}}}}   # in {PROFILE}"
    if first > most:
        why = "Slurm refuses it, or lets it wait for ever"
        return failure(f"{rule}: {what} of {first} {unit}, partition {name} has {most}", why, mend)
    said = f"{rule}: {what} of {last} {unit} in its last try, partition {name} has {most}"
    why = "the first try may be enough; a try after a failure asks for more, and is refused"
    return warning(said, why, mend)


def minutes(told: str) -> int:
    """`1-00:00:00`, `12:00:00`; 0 where there is no limit."""
    days, _, clock = told.rpartition("-")
    parts = [int(part) for part in clock.split(":") if part.isdecimal()]
    if len(parts) not in (2, 3):
        return 0
    hours, mins = parts[-3] if len(parts) == 3 else 0, parts[-2]
    return (int(days or 0) * 24 + hours) * 60 + mins


def partition_file(patient: Patient, known: Mapping[str, Any]) -> Iterator[Finding]:
    """The file of partitions: there, and of partitions that Slurm knows."""
    given = patient.site.settings.get("partition_config")
    if not given:
        return
    path = patient.root / str(given)
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))["partitions"]
        names = [str(limits.get("name", name)) for name, limits in told.items()]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        why = "jobs are given their partitions by it"
        yield failure(
            f"{given}: cannot be used ({error!r})", why, "snakemake-executor-plugin-slurm"
        )
        return
    strange = [name for name in names if name not in known]
    if strange:
        why = "a job that fits one of them best is sent there, and refused"
        mend = f"remove or rename them in {given}; sinfo -s lists partitions"
        yield failure(f"{given}: Slurm has no partition {', '.join(strange)}", why, mend)
    if any(request.gpus for request in patient.site.requests) and not any(
        limits.get("max_gpu") for limits in told.values()
    ):
        why = "jobs that ask for a GPU fit none of them"
        yield warning(f"{given}: no partition has max_gpu", why, f"max_gpu: 4   # in {given}")


def accepted(
    requests: Iterable[Request], known: Mapping[str, Mapping[str, str]]
) -> Iterator[Finding]:
    """Slurm's own word on each request: `sbatch --test-only` submits nothing."""
    tried: dict[tuple[str, ...], Answer] = {}
    refused: dict[str, list[str]] = {}
    mends: dict[str, str] = {}
    for one in requests:
        if not set(filter(None, one.word("slurm_partition").split(","))) <= known.keys():
            continue  # said already
        options = tuple(_options(one))
        if options not in tried:
            tried[options] = ask("sbatch", "--test-only", *options, "--wrap=true")
        if not tried[options].good:
            said = PREFIX.sub("", tried[options].complaint)
            refused.setdefault(said, []).append(one.rule)
            mends.setdefault(said, f"sbatch --test-only {' '.join(options)} --wrap=true")
    for said, rules in refused.items():
        mend = f"{mends[said]}   # then {PROFILE}"
        yield failure(f"Slurm would refuse {_some(rules)}: {said}", "jobs of it cannot run", mend)
    if tried and not refused:
        yield ok("Slurm would take a job of every rule (sbatch --test-only)")


def _options(one: Request) -> Iterator[str]:
    """As the executor has them."""
    for option, key in (
        ("--account", "slurm_account"),
        ("--partition", "slurm_partition"),
        ("--constraint", "constraint"),
        ("--gres", "gres"),
        ("--mem", "mem_mb"),
        ("--time", "runtime"),
        ("--qos", "qos"),
    ):
        if value := one.word(key):
            yield f"{option}={value}"
    if one.number("gpu"):
        yield f"--gpus={one.gpu_model + ':' if one.gpu_model else ''}{one.gpus}"
    yield f"--cpus-per-task={one.threads}"


def preemption(
    requests: Iterable[Request], known: Mapping[str, Mapping[str, str]], config: str
) -> Iterator[Finding]:
    """Whether a job that has to make way for another comes back."""
    told = dict(re.findall(r"^(Preempt\w+)\s*=\s*(\S+)", config, re.MULTILINE))
    if told.get("PreemptType", "preempt/none") == "preempt/none":
        return
    for name in sorted({name for _, name in _asked(requests, known)} & known.keys()):
        if "CANCEL" in known[name].get("PreemptMode", told.get("PreemptMode", "")):
            why = (
                "Slurm then does not run it again, and Snakemake waits for it for ever: once none "
                "of its jobs is in the queue, Ctrl-C, and the same command goes on"
            )
            yield warning(
                f"partition {name} cancels jobs that have to make way for others",
                why,
                f"slurm_partition: …   # in {PROFILE}, if there is another",
            )


def status(settings: Mapping[str, Any], config: str) -> Iterator[Finding]:
    """Whether the executor will learn what became of jobs."""
    command = settings.get("status_command") or "sacct"
    age = re.search(r"^MinJobAge\s*=\s*(\d+)", config, re.MULTILINE)
    records = ask("sacct", "--noheader", "--allocations", "--format=jobid")
    if command == "squeue" and age is None:
        yield unknown("MinJobAge cannot be told from here", "scontrol show config | grep MinJobAge")
    elif command == "squeue" and age is not None and int(age[1]) < AGE:
        why = "squeue forgets jobs before Snakemake has asked what became of them"
        mend = f"slurm-status-command: sacct   # in {PROFILE}"
        yield warning(f"MinJobAge is {age[1]} s, less than {AGE}", why, mend)
    if not records.good and command == "sacct":
        why = "Snakemake would not learn that a job has ended"
        mend = f"slurm-status-command: squeue   # in {PROFILE}"
        yield failure(f"sacct does not answer: {records.complaint}", why, mend)
    elif not records.good and settings.get("efficiency_report"):
        why = "the table of what jobs used cannot be made"
        mend = f"slurm-efficiency-report: false   # in {PROFILE}"
        yield warning(f"sacct does not answer: {records.complaint}", why, mend)
    else:
        yield ok(f"jobs are watched by {command}" + (", and sacct answers" * records.good))


def _some(rules: list[str]) -> str:
    return rules[0] + (f" and {len(rules) - 1} more" if rules[1:] else "")
