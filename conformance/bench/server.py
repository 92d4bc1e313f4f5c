"""A SCIM server under load: where it listens, which processes it is, what they cost."""

import os
import re
import urllib.parse
from pathlib import Path


class Server:
    """A SCIM base with its token, and the processes that serve it (their children count too)."""

    def __init__(self, name, base, token, pids):
        self.name, self.base, self.token, self.pids = name, base.rstrip("/"), token, pids
        self.address = urllib.parse.urlsplit(self.base)
        self.origin = f"{self.address.scheme}://{self.address.netloc}"

    def cpu_seconds(self):
        return sum(cpu_seconds(pid) for pid in self.processes())

    def memory_mib(self):
        """Memory of all processes, with what they share divided among them."""
        return sum(memory_mib(pid) for pid in self.processes())

    def resident_mib(self):
        """Memory of all processes that is in the machine's, with what they share counted for each."""
        return sum(resident_mib(pid) for pid in self.processes())

    def processes(self):
        children = {}
        for process in filter(str.isdigit, os.listdir("/proc")):
            fields = read(f"/proc/{process}/stat").rsplit(")", 1)[-1].split()
            if len(fields) > 1:
                children.setdefault(int(fields[1]), []).append(int(process))
        found, waiting = set(), list(self.pids)
        while waiting:
            pid = waiting.pop()
            if pid not in found:
                found.add(pid)
                waiting += children.get(pid, [])
        return found


def read(path):
    try:
        return Path(path).read_text()
    except OSError:
        return ""  # it ended


def cpu_seconds(pid):
    fields = read(f"/proc/{pid}/stat").rsplit(")", 1)[-1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if len(fields) > 12 else 0.0


def memory_mib(pid):
    found = re.search(r"^Pss:\s+(\d+)", read(f"/proc/{pid}/smaps_rollup"), re.M)
    return int(found.group(1)) / 1024 if found else 0.0


def resident_mib(pid):
    found = re.search(r"^VmRSS:\s+(\d+)", read(f"/proc/{pid}/status"), re.M)
    return int(found.group(1)) / 1024 if found else 0.0


def listener(port):
    """The id of the process that listens on a TCP port of this machine."""
    sockets = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and int(fields[1].split(":")[1], 16) == port:
            sockets.add(f"socket:[{fields[9]}]")
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink(link) in sockets for link in Path(f"/proc/{process}/fd").iterdir()):
                return int(process)
        except OSError:
            continue  # it ended, or belongs to somebody else
    raise SystemExit(f"nothing listens on port {port}")
