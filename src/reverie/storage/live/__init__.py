"""Sessions in progress: their log, threads, work and the deployments that start them."""
