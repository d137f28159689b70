"""
Coverage-guided fuzzing of one target for some seconds: `python -m meters.tests.fuzzing rows 60`.

What it finds beyond the seeds is kept in var/fuzz, so that a later run goes on from there.
"""

import sys
from hashlib import sha256
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["meters.dlms", "meters.lorawan"]):
    from meters.tests.fuzzing.targets import TARGETS

from meters.tests.fuzzing import seeds

CORPUS = Path("var/fuzz")
LONGEST = 16_384


def main(target: str, seconds: str) -> None:
    corpus = CORPUS / target
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in [*seeds.valid()[target], *seeds.found(target)]:
        (corpus / sha256(seed).hexdigest()[:40]).write_bytes(seed)
    options = [
        str(corpus), f"-max_total_time={seconds}", "-timeout=2", "-rss_limit_mb=1024",
        f"-max_len={LONGEST}", f"-artifact_prefix={CORPUS}/{target}-", "-print_final_stats=1",
    ]  # fmt: skip
    atheris.Setup([sys.argv[0], *options], TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:3])
