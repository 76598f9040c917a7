"""Kill real kernels at random moments, and count outside resnb what they leave behind."""
