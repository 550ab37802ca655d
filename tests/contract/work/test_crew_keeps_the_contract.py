"""The local crew is an engine."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from contract.work.engine_contract import EngineContract, Made
from integration.work.crews import closed, new_crew
from temwatch.work.engine import Engine


class TestTheLocalCrew(EngineContract):
    @pytest.fixture
    async def make(self) -> AsyncIterator[Made]:
        crews = []

        async def made(task_settings: dict[str, Any], *, timeout_s: float = 60.0) -> Engine:
            crew = new_crew(task_settings, timeout_s=timeout_s)
            crews.append(crew)
            await crew.start()
            return crew

        yield made
        for crew in crews:
            await closed(crew)
