"""TransE and TransH by PyKEEN, at settings that this package has too: filtered ranks.

    pip install pykeen            in an environment of its own: it asks for PyTorch
    python tests/papers/knowledge_graph/beside_pykeen.py umls
    python launch/main.py --paper=knowledge_graph --config.each.margin=4 \\
        --config.each.steps=1000,1000,1000,400,1000 --config.model.normalised=False \\
        --config.data.source=files \\
        --config.data.root=.../site-packages/pykeen/datasets/umls

50 numbers, L1, margin 4, no constraints, Xavier's uniform start, batches of 512, four
filtered Bernoulli negatives, Adam at 0.01, and about as many triples: 100 epochs.
"""

import sys

XAVIER = {
    "entity_initializer": "xavier_uniform",
    "relation_initializer": "xavier_uniform",
}
MODELS = {
    "TransE": {"entity_constrainer": None, "relation_constrainer": None},
    "TransH": {"regularizer": None},
}


def main(graph: str, seeds: int = 3) -> None:
    """Prints a line a model and seed: Hits@10, MRR and MR of heads and tails."""
    from pykeen.pipeline import pipeline

    for model, own in MODELS.items():
        for seed in range(seeds):
            made = pipeline(
                dataset=graph,
                model=model,
                model_kwargs={
                    "embedding_dim": 50,
                    "scoring_fct_norm": 1,
                    **XAVIER,
                    **own,
                },
                loss="marginranking",
                loss_kwargs={"margin": 4.0},
                negative_sampler="bernoulli",
                negative_sampler_kwargs={"num_negs_per_pos": 4, "filtered": True},
                optimizer="adam",
                optimizer_kwargs={"lr": 0.01},
                training_kwargs={"num_epochs": 100, "batch_size": 512},
                random_seed=seed,
                device="cpu",
            )
            metric = made.metric_results.get_metric
            names = ("hits_at_10", "inverse_harmonic_mean_rank", "arithmetic_mean_rank")
            found = [f"{metric(f'both.realistic.{name}'):.4f}" for name in names]
            print(graph, model, f"seed {seed}", *found, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
