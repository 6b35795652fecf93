"""A Cloud TPU from here: gcloud's commands, and what its workers run."""
