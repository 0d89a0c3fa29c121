"""From the text of a document to its answer."""
