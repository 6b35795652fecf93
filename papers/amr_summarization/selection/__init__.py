"""From a document to the part of its graph that is the summary."""
