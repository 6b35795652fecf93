"""TransE, TransH, TransR and TransD: relations as translations between entities.

Bordes et al., NeurIPS 2013; Wang et al., AAAI 2014; Lin et al., AAAI 2015; Ji et al.,
ACL 2015.

A knowledge graph says (Paris, capital of, France). TransE gives each entity and each
relation a vector so that head + relation is near tail. Then all the tails of one head
would have to be near each other. TransH, TransR and TransD project the entities first,
onto a hyperplane or into a space of the relation, where those may be equal that are
not: countries of one region, while they use different currencies.

    >>> import functools, jax
    >>> from papers import knowledge_graph
    >>> config = knowledge_graph.get_config("smoke")
    >>> state = knowledge_graph.init(config, jax.random.key(0))
    >>> data = knowledge_graph.batches(config, "train")
    >>> train_step = functools.partial(knowledge_graph.train_step, config)
    >>> step = jax.jit(train_step, donate_argnums=0)
    >>> losses = []
    >>> for _ in range(200):
    ...     state, metrics = step(state, next(data))
    ...     losses.append(float(metrics["loss"]))
    >>> losses[-1] < losses[0] / 2
    True
    >>> entities, relations = knowledge_graph.tables(config, state)
    >>> entities.shape, relations.shape
    ((64, 16), (6, 16))
"""

from papers.knowledge_graph.config import Config
from papers.knowledge_graph.data import batch_spec, batches, graph
from papers.knowledge_graph.embeddings import SHARDING
from papers.knowledge_graph.evaluate import evaluate
from papers.knowledge_graph.inference import inference, inference_inputs
from papers.knowledge_graph.lecture import LECTURE
from papers.knowledge_graph.predict import predict
from papers.knowledge_graph.runs import runs
from papers.knowledge_graph.train import State, eval_step, init, tables, train_step
from papers.knowledge_graph.variants import PARAM_COUNTS, VARIANTS, get_config

CPU_DEVICES = 1  # several would add up whole tables, after every step
