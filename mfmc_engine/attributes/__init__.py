"""Apparent gender, age and group, estimated from the identity embedding."""

from mfmc_engine.attributes.estimator import GROUPS, AttributeEstimator, Attributes, load

__all__ = ["GROUPS", "AttributeEstimator", "Attributes", "load"]
