"""What jobs have produced: images under their masks, and scores."""
