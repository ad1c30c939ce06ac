"""Apparent gender, age and group, estimated from the identity embedding."""

from mfmc_engine.attributes.estimator import AttributeEstimator, Attributes, load

__all__ = ["AttributeEstimator", "Attributes", "load"]
