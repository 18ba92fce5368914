"""Files of weights, and models filled with them. Needs nothing but PyTorch, and safetensors for files of that name."""
