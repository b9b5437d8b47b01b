"""s7: virtual machines → a Kubernetes cluster (RKE2, or K3s), and its health."""
