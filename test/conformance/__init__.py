"""The conformance run: clients nobody here wrote, unmodified, against the embedded venues.

`python -m test.conformance` is the runner, in our environment. What runs inside the foreign
environments lives in `clients` and imports nothing of the product.
"""
