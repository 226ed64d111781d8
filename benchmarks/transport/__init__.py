"""Transport on grids beside its peers: ``python -m benchmarks.transport`` (or one part of it, see ``__main__``).

Every peer is an adapter that converts to one convention: the cost of a unit of mass is half its squared distance in
pixels, the entropic term is blur^2 times the Kullback-Leibler divergence to the product of the marginals.
"""
