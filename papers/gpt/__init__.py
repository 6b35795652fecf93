"""GPT"""

from papers.gpt.data import batch_spec, batches
from papers.gpt.runs import runs
from papers.gpt.train import State, eval_step, init, train_step, validate
from papers.gpt.variants import PARAM_COUNTS, VARIANTS, get_config
