"""scikit-learn estimators on fastnn: `MLPClassifier`, `MLPRegressor`, and any Module of yours.

Needs scikit-learn (`pip install 'fastnn-cpu[sklearn]'`), which only this package imports.
"""

try:
    import sklearn as _sklearn
except ImportError as _error:
    raise ImportError(
        "fastnn.sklearn needs scikit-learn 1.7 or later; install it with: "
        "pip install 'fastnn-cpu[sklearn]'"
    ) from _error

from fastnn.sklearn.classifier import MLPClassifier
from fastnn.sklearn.nets import NetClassifier, NetRegressor
from fastnn.sklearn.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor", "NetClassifier", "NetRegressor"]
