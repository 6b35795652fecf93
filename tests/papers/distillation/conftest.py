import pytest
from distilling import started

from papers.distillation.variants import get_config


@pytest.fixture(scope="session")
def smoke():
    """Smoke runs before their first step: {row: (config, state)}."""
    return started(get_config("smoke"))
