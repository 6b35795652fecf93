import pytest

from papers.distillation.variants import get_config
from tests.papers.distillation.distilling import started


@pytest.fixture(scope="session")
def smoke():
    """Smoke runs before their first step: {run: (config, state)}."""
    return started(get_config("smoke"))
