"""DKN: Deep Knowledge-Aware Network for News Recommendation.

Wang, Zhang, Xie, Guo, WWW 2018, arXiv:1801.08284.
"""

from papers.dkn.data import batch_spec, batches
from papers.dkn.runs import runs
from papers.dkn.train import State, eval_step, init, train_step, validate
from papers.dkn.variants import PARAM_COUNTS, VARIANTS, get_config
