"""Run every benchmark, one after another, each in a process of its own."""

import subprocess
import sys
from pathlib import Path

BENCHMARKS = (
    ["ingest.py", "--meters", "100", "--days", "90"],
    ["growth.py", "--millions", "1", "10"],
    ["verify.py", "--postings", "400000"],
    ["rating.py", "--homes", "10"],
    ["ledger.py"],
    ["billing.py", "--units", "3000"],
    ["api.py"],
    ["depth.py", "--rows", "1000000"],
    ["collecting.py", "--meters", "1000"],
    ["collecting.py", "--meters", "10000", "--connections", "4", "--outstanding", "16"],
)


def main() -> int:
    for script, *options in BENCHMARKS:
        print(f"== {script} {' '.join(options)}", flush=True)
        path = Path(__file__).with_name(script)
        done = subprocess.run([sys.executable, str(path), *options], check=False)  # noqa: S603
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
