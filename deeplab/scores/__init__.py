"""What label maps are worth: of a split, of single images, and by which rules."""
