"""A share that freezes holds workers in the kernel, where nothing can kill them. The daemon goes on without."""

from pathlib import Path

import pytest

from contract.work.engine_contract import job, until
from integration.work.crews import left_over, new_crew
from integration.work.frozen_share import CanNotMount, frozen_share
from temwatch.model.job import Failed, Finished


async def test_a_worker_that_can_not_be_killed_is_abandoned_and_the_frame_waits_for_the_share(
    tmp_path: Path,
) -> None:
    share = tmp_path / "share"
    share.mkdir()
    crew = new_crew(count=1, timeout_s=2.0, stop_s=0.3)
    await crew.start()
    try:
        with frozen_share(share) as hanging:
            await crew.submit(job(1, do="look_into", folder=str(share / "frame.dm4")))
            outcome = await crew.next_outcome()
            assert hanging.is_set()
            assert isinstance(outcome, Failed)
            assert (outcome.error, outcome.retryable) == ("ShareTrouble", True)
            assert "can't be killed" in outcome.reason
            assert crew.health().state == "degraded"
            assert "hang on a share" in crew.health().reason
            await crew.submit(job(2))
            assert isinstance(await crew.next_outcome(), Finished)
            await crew.submit(job(3, do="look_into", folder=str(share / "other.dm4")))
            assert isinstance(await crew.next_outcome(), Failed)
            # two undying for one seat: no third is risked
            await crew.submit(job(4))
            await until(lambda: crew.workers()[0].state == "resting")
        outcome = await crew.next_outcome()
        assert isinstance(outcome, Finished), "the share came back, and so did the worker"
        assert crew.health().state == "ready"
    except CanNotMount as error:
        pytest.skip(f"no FUSE here: {error}")
    finally:
        await crew.close(1.0)
    await until(lambda: left_over() == [])
