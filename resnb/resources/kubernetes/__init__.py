"""Objects of a Kubernetes cluster as resources: any manifest, a Deployment, a Job."""
