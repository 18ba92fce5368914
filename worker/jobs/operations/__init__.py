"""What operators ask of a platform: whether it is ready, what it does in numbers, what is wrong, a backup."""
