"""What is solved rather than trained: solvers, probes and transforms, and the theory that they stand on."""
