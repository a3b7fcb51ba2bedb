"""Populations: many nets trained in one run, and what is made of them."""

from fastnn.population.ensemble import Ensemble
from fastnn.population.fit import fit_many
from fastnn.population.parts import bags, folds
from fastnn.population.population import Best, Population
from fastnn.population.search import grid, sampled

__all__ = ["Best", "Ensemble", "Population", "bags", "fit_many", "folds", "grid", "sampled"]
