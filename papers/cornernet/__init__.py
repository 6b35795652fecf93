from papers.cornernet.config import runs
from papers.cornernet.data import batch_spec, batches
from papers.cornernet.train import (
    CPU_DEVICES,
    State,
    eval_step,
    init,
    train_step,
)
from papers.cornernet.variants import PARAM_COUNTS, VARIANTS, get_config
