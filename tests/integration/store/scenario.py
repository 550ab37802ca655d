"""A short life of a store, run in a process of its own so that it can be killed at any system call.

Prints the newest seq after each commit, and ``end``. With ``ride``, trouble is named on stderr and the step is
done again, as the daemon does.
"""

import sys
from collections.abc import Callable
from pathlib import Path

from temwatch.errors import TransientError
from temwatch.store import outbox
from temwatch.store.database import Database
from temwatch.store.store import Store
from unit.store import facts

FRAMES = 5


def main() -> None:
    folder, mode = Path(sys.argv[1]), sys.argv[2]
    store = Store(Database(folder, ballast_bytes=0), instance="scenario")

    def do(work: Callable[[], object]) -> None:
        for _ in range(50):
            try:
                work()
                with store.database.reading() as connection:
                    seq = outbox.head(connection)
            except TransientError as error:
                if mode != "ride":
                    raise
                sys.stderr.write(f"{type(error).__name__} {error}\n")
            else:
                say(seq)
                return
        raise SystemExit("trouble without end")

    do(store.database.open)
    do(store.start_instance)
    for number in range(FRAMES):
        name = b"%d.mrc" % number
        do(lambda name=name: store.notice([facts.noticed(name)]))
        do(lambda name=name: store.accept(facts.sighted(name), at=facts.AT))
        do(lambda number=number: inspect(store, number))
    store.database.checkpoint()
    store.database.close()
    say("end")


def say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def inspect(store: Store, number: int) -> None:
    claimed = store.lease(until_s=1e9)
    if claimed is None:
        return
    job = claimed[0]
    if number % 3 == 2:
        store.set_aside(job, reason="r", next_step="n", at=facts.AT)
    else:
        store.finish(job.job_id, job.attempt, facts.inspected(), at=facts.AT)


if __name__ == "__main__":
    main()
